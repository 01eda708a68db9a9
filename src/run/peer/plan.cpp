// SPDX-License-Identifier: Apache-2.0
#include "run/peer/plan.hpp"

#include <fmt/format.h>
#include <millrace/module_abi.h>

#include <algorithm>

#include "run/measure.hpp"
#include "run/peer/attached_networks.hpp"

namespace millrace::run::peer {
namespace {

// Beyond the time that the probe has to answer: to open its module, to look at the machine, to get there.
constexpr std::int64_t kPlanSlack_ns = 15'000'000'000;

std::string prefixed(std::size_t host, const std::string& id) {
  return id.empty() ? "" : fmt::format("host{}/{}", host, id);
}

// The addresses of all hosts as `self` reaches them: the host that asked by the address that it has towards
// it, the others by those at which they were reached.
HostGroup hosts_as_seen_by(std::size_t self, const std::vector<Session*>& sessions) {
  HostGroup hosts{static_cast<int>(self), {}};
  hosts.addresses.push_back(sessions[self == 0 ? 0 : self - 1]->own_address());
  for (const Session* session : sessions) hosts.addresses.push_back(session->address());
  return hosts;
}

// What the peers say leads this host nowhere else: not everybody whom it asks to measure with it may send it
// to whom they like.
HostGroup hosts_seen_from_here(Hub& hub, const ProbeEntry& entry,
                               const std::vector<std::pair<std::string, std::string>>& given) {
  HostGroup hosts = hosts_as_seen_by(0, hub.sessions());
  hosts.agreed = attached_networks();
  hosts.agreed->insert(hosts.agreed->end(), hosts.addresses.begin(), hosts.addresses.end());
  hosts.agreed->insert(hosts.agreed->end(), hub.allowed().begin(), hub.allowed().end());
  for (const ParameterSpec& spec : entry.probe->parameters)
    for (const auto& [name, text] : given)
      if (spec.kind == MILLRACE_ADDRESS && spec.name == name) hosts.agreed->push_back(text);
  return hosts;
}

void ask(Hub& hub, const PlanWanted& wanted) {
  const auto sessions = hub.sessions();
  for (std::size_t i = 0; i < sessions.size(); ++i)
    sessions[i]->ask_for_plan(
        {wanted.probe, wanted.given, hosts_as_seen_by(i + 1, sessions), wanted.answer_time});
}

Result<PlanAnswer> hear(Session& session, Duration answer_time) {
  auto answer = session.hear_plan({answer_time.ns + kPlanSlack_ns});
  if (!answer) return answer;
  if (answer->status == "ok" && answer->workers.empty())
    return failure(fmt::format("on {}: it asks for no worker", session.name()), "", Exit::kInconclusive);
  if (answer->status != "ok") answer->reason = fmt::format("on {}: {}", session.name(), answer->reason);
  return answer;
}

}  // namespace

Result<std::vector<Session>> open_sessions(const std::vector<Address>& addresses,
                                           const std::vector<Token>& tokens) {
  std::vector<Session> sessions;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto session = Session::open(addresses[i], tokens[i]);
    if (!session) return tl::unexpected(session.error());
    sessions.push_back(std::move(*session));
  }
  return sessions;
}

Result<std::vector<PlanAnswer>> ask_peers(Hub& hub, const PlanWanted& wanted) {
  ask(hub, wanted);
  std::vector<PlanAnswer> answers;
  for (Session* session : hub.sessions()) {
    auto answer = hear(*session, wanted.answer_time);
    if (!answer) return tl::unexpected(answer.error());
    answers.push_back(std::move(*answer));
  }
  return answers;
}

Result<InstancePlan> plan_with(Hub& hub, const ProbeEntry& entry,
                               const std::vector<std::pair<std::string, std::string>>& given,
                               const topology::Machine& machine, Duration answer_time) {
  const auto sessions = hub.sessions();
  for (const auto& [name, text] : given)
    if (given.size() > kMostParameters || name.size() > kMostOfName || text.size() > kMostOfText)
      return failure(fmt::format("--{}: it is longer, or the parameters are more, than a peer takes",
                                 name.substr(0, 80)),
                     fmt::format("{} bytes, and {} parameters", kMostOfText, kMostParameters));
  ask(hub, {entry.probe->name, given, answer_time});
  auto plan = plan_instance(entry, given, machine, answer_time, hosts_seen_from_here(hub, entry, given));
  if (!plan) return plan;
  std::vector<int> theirs;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const auto answer = hear(*sessions[i], answer_time);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->status != "ok" && answer->usage) return failure(answer->reason, answer->hint);
    if (answer->status != "ok" && plan->status == "ok") {
      plan->status = answer->status == "skipped" ? "skipped" : "failed";
      plan->reason = answer->reason;
      plan->hint = answer->hint;
    }
    theirs.push_back(static_cast<int>(answer->workers.size()));
    for (WorkerPlan worker : answer->workers) {
      worker.from = prefixed(i + 1, worker.from);
      worker.to = prefixed(i + 1, worker.to);
      plan->elsewhere.push_back({static_cast<int>(i + 1), std::move(worker)});
    }
  }
  const std::size_t ranks = plan->workers.size() + plan->elsewhere.size();
  if (ranks > kMostRanks)
    return failure(fmt::format("{} asks for {} workers on all hosts, {} are the most", entry.probe->name,
                               ranks, kMostRanks));
  hub.set_ranks(static_cast<int>(plan->workers.size()), theirs);
  plan->ranks = static_cast<int>(ranks);
  plan->others = &hub;
  return plan;
}

topology::Topology graph_with(const topology::Topology& own, Hub& hub) {
  topology::Topology all = own;
  const auto sessions = hub.sessions();
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const topology::Topology& theirs = sessions[i]->machine().graph;
    const auto add = [host = i + 1](const auto& from, auto& to) {
      for (auto item : from) {
        item.id = prefixed(host, item.id);
        item.host = static_cast<int>(host);
        to.push_back(std::move(item));
      }
    };
    add(theirs.endpoints, all.endpoints);
    add(theirs.resources, all.resources);
    for (const topology::Link& link : theirs.links)
      all.links.push_back(
          {prefixed(i + 1, link.from), prefixed(i + 1, link.to), prefixed(i + 1, link.resource)});
  }
  return all;
}

void add_hosts(record::Document& document, Hub& hub) {
  document.hosts.resize(1);
  const auto sessions = hub.sessions();
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    topology::HostFacts host = sessions[i]->machine().host;
    if (const ClockReport& clock = hub.clock_of(i); clock.start) {
      const ClockOffset& end = clock.end ? *clock.end : *clock.start;
      host.clock_offset_s = topology::ClockOffset{
          1e-9 * static_cast<double>(clock.start->offset_ns), 1e-9 * static_cast<double>(end.offset_ns),
          1e-9 * static_cast<double>(std::max(clock.start->error_ns, end.error_ns))};
    }
    document.hosts.push_back(std::move(host));
  }
}

}  // namespace millrace::run::peer
