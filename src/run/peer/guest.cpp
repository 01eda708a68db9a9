// SPDX-License-Identifier: Apache-2.0
#include "run/peer/guest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "run/gpu_summary.hpp"
#include "run/interrupt.hpp"
#include "run/measure.hpp"
#include "run/peer/agreed_addresses.hpp"
#include "run/peer/follower.hpp"
#include "run/shared_state.hpp"
#include "run/system_counters.hpp"

namespace millrace::run::peer {
namespace {

constexpr int kTick_ms = 50;
constexpr std::int64_t kFlushTime_ns = 10'000'000'000;

// What is asked from elsewhere must not reach files here: a path would be the other host's choice.
const ParameterSpec* find_path(const ProbeInfo& probe) {
  const auto found = std::find_if(probe.parameters.begin(), probe.parameters.end(),
                                  [](const ParameterSpec& spec) { return spec.kind == MILLRACE_PATH; });
  return found == probe.parameters.end() ? nullptr : &*found;
}

PlanAnswer refused(const Error& error) {
  return {"skipped", error.what, error.hint, error.exit == Exit::kUsage, {}};
}

}  // namespace

Guest::Guest(Connection connection, Door& door, const topology::Machine& machine, const Catalog& catalog,
             Allowance allowed, Say say)
    : connection_(std::move(connection)),
      door_(door),
      machine_(machine),
      catalog_(catalog),
      allowed_(std::move(allowed)),
      say_(std::move(say)) {}

void Guest::introduce() {
  connection_.send(Kind::kMachine, encode(MachineMessage{machine_, own_end(connection_.socket()).host,
                                                         other_end(connection_.socket()).host}));
}

void Guest::serve(Duration idle) {
  introduce();
  std::int64_t deadline = monotonic_ns() + idle.ns;
  while (!was_interrupted()) {
    door_.turn_away();
    if (const auto message = connection_.receive()) {
      if (!answer(*message)) return say_("the session is over");
      // A ping says that the host that asked measures something else meanwhile.
      if (message->kind == Kind::kPlan || message->kind == Kind::kLaunch || message->kind == Kind::kPing)
        deadline = monotonic_ns() + idle.ns;
      continue;
    }
    if (!connection_.lost().empty())
      return say_(fmt::format("the session is over: the connection was lost: {}", connection_.lost()));
    if (monotonic_ns() > deadline)
      return say_(fmt::format("the session is over: nothing was asked for {}", to_text(idle)));
    std::vector<pollfd> waiting{{connection_.fd(), connection_.poll_events(), 0}};
    door_.append_poll(waiting);
    poll(waiting.data(), waiting.size(), kTick_ms);
  }
  connection_.flush(kFlushTime_ns);
}

bool Guest::answer(const Sealed& message) {
  switch (message.kind) {
    case Kind::kBye:
      return false;
    case Kind::kPing:
      answer_ping(connection_, message.body);
      return true;
    case Kind::kPlan:
      if (auto request = decode_plan_request(message.body)) {
        connection_.send(Kind::kPlan, encode(plan(std::move(*request))));
        return true;
      }
      break;
    case Kind::kLaunch:
      if (const auto request = decode_launch(message.body); request && plan_) {
        launch(*request);
        return true;
      }
      break;
    case Kind::kBegin:
    case Kind::kStop:
    case Kind::kExchange:
    case Kind::kBarrier:
    case Kind::kGrant:
      return true;  // of a launch that is over here
    default:
      break;
  }
  connection_.lose("it sends what cannot be read");
  return true;
}

// The addresses of the two of them are those of this connection, whatever the other host says; each end knows
// them by its own interfaces. Of a third host the other one may say anything: its address is passed on where
// it was allowed here, and left out elsewhere.
bool Guest::agree_on_addresses(HostGroup& hosts) const {
  const auto agree = [](std::string& said, const std::string& seen) {
    const bool same = without_scope(said) == without_scope(seen);
    said = seen;
    return same;
  };
  const auto self = static_cast<std::size_t>(hosts.self);
  if (!agree(hosts.addresses.front(), other_end(connection_.socket()).host) ||
      !agree(hosts.addresses[self], own_end(connection_.socket()).host))
    return false;
  hosts.ports = allowed_.ports;
  hosts.agreed = allowed_.addresses;
  hosts.agreed->push_back(hosts.addresses.front());
  hosts.agreed->push_back(hosts.addresses[self]);
  for (std::string& address : hosts.addresses)
    if (!may_use(hosts, address)) address.clear();
  return true;
}

// The probe that is asked for, where this host lets another one run it so.
Result<ProbeEntry> Guest::permitted(PlanRequest& request) const {
  if (!agree_on_addresses(request.hosts))
    return failure("the addresses to use are not those of the connection", "", Exit::kInconclusive);
  auto entry = find_probe(catalog_, request.probe);
  if (!entry) return entry;
  if (const ParameterSpec* path = find_path(*entry->probe))
    return failure(fmt::format("{} takes a path (--{}), and a peer touches no files for another host",
                               request.probe, path->name),
                   "run `millrace measure` for it on that host", Exit::kInconclusive);
  const auto parameters = read_parameters(*entry->probe, request.given);
  if (!parameters) return tl::unexpected(parameters.error());
  if (const auto fine = check_addresses(*entry->probe, *parameters, *request.hosts.agreed); !fine)
    return tl::unexpected(fine.error());
  return entry;
}

PlanAnswer Guest::plan(PlanRequest request) {
  plan_.reset();
  launches_ = 0;
  const auto entry = permitted(request);
  if (!entry) {
    say_(fmt::format("refused: {}", entry.error().what));
    return refused(entry.error());
  }
  auto planned = plan_instance(*entry, request.given, machine_, std::min(request.answer_time, kDescribeTime),
                               request.hosts);
  if (!planned) {
    say_(planned.error().what);
    return refused(planned.error());
  }
  PlanAnswer answer{planned->status, planned->reason, planned->hint, false, planned->workers};
  if (planned->status == "ok")
    plan_ = std::move(*planned);
  else
    say_(answer.reason);
  return answer;
}

void Guest::launch(const LaunchRequest& request) {
  InstancePlan plan = *plan_;
  Follower others(connection_, door_, static_cast<std::size_t>(request.ranks));
  plan.others = &others;
  plan.first_rank = request.first_rank;
  plan.ranks = request.ranks;
  LaunchCallbacks callbacks;
  callbacks.temporary = [](const std::string&) {
    return std::string("a peer makes no files for another host");
  };
  callbacks.log = [this](int level, const std::string& line) {
    connection_.send(Kind::kLog, fmt::format("{}{}", level, line));
  };
  callbacks.interrupted = was_interrupted;
  GpuWatch watch(machine_);
  watch.begin(std::span(&plan, 1));
  const auto before = read_system_counters();
  auto outcomes =
      run::launch(std::span(&plan, 1), memories_of(catalog_), machine_.host, request.options, callbacks);
  InstanceOutcome& outcome = outcomes.front();
  outcome.counters = growth(before, read_system_counters());
  outcome.counters.merge(
      summarize_gpus(watch.end(), machine_.host, outcome.begin_ns, outcome.end_ns).counters);
  connection_.send(Kind::kOutcome, encode(outcome));
  ++launches_;
  report(outcome, others.why_stopped());
}

void Guest::report(const InstanceOutcome& outcome, const std::string& why_stopped) const {
  std::uint64_t bytes = 0;
  for (const WorkerOutcome& worker : outcome.workers) bytes += worker.bytes;
  const std::string what = fmt::format("{}, repeat {}: ", plan_->entry.probe->name, launches_);
  if (outcome.status != "ok" && !outcome.reason.empty())
    return say_(fmt::format("{}{}: {}", what, outcome.status, outcome.reason));
  if (!why_stopped.empty())
    return say_(fmt::format("{}stopped by the host that asked: {}", what, why_stopped));
  say_(fmt::format("{}{} after {} ({}), {} worker{}, {}", what, outcome.status,
                   to_text(Duration{outcome.end_ns - outcome.begin_ns}), outcome.stop_reason,
                   outcome.workers.size(), outcome.workers.size() == 1 ? "" : "s",
                   bytes > 0 ? to_binary(Bytes{bytes}) + " counted here" : "the other end counts"));
}

}  // namespace millrace::run::peer
