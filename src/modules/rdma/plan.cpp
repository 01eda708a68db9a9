// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "modules/rdma/layout.hpp"
#include "modules/rdma/link_role.hpp"
#include "modules/rdma/ports.hpp"

namespace millrace::rdma {
namespace {

constexpr std::uint64_t kQueueBytes = 1 << 20;  // of one queue pair, generously

std::string memory_near(const sdk::Host& host, int numa_node) {
  std::string first;
  for (std::uint32_t i = 0;; ++i) {
    const millrace_endpoint* endpoint = host.endpoint(i);
    if (endpoint == nullptr) return first.empty() ? "memory:0" : first;
    if (std::string_view(endpoint->kind) != "memory") continue;
    if (endpoint->numa_node == numa_node) return endpoint->id;
    if (first.empty()) first = endpoint->id;
  }
}

// As discovery names it: "rdma:mlx5_0", of further ports "rdma:mlx5_0/2".
std::string endpoint_of(const Port& port) {
  return "rdma:" + port.device + (port.number > 1 ? fmt::format("/{}", port.number) : "");
}

sdk::Outcome add_worker(const sdk::Host& host, const Settings& settings, const LinkRole& role,
                        const std::vector<Port>& ports) {
  const Port& port = ports[static_cast<std::size_t>(role.lane) % ports.size()];
  const std::string& own_memory = (role.near() ? settings.near : settings.far).memory;
  const std::string memory = own_memory == "host" ? memory_near(host, port.numa_node) : own_memory;
  const bool leaves = role.initiator != (settings.operation == Operation::kRead);
  const std::string name = role.text();
  const std::uint64_t messages =
      Layout(settings.queue_pairs, settings.largest_size(), settings.buffer, 64).bytes();
  sdk::WorkerRequest request;
  request.role = name.c_str();
  request.from = leaves ? memory : endpoint_of(port);
  request.to = leaves ? endpoint_of(port) : memory;
  // Pinned to one core, the worker would keep the kernel's half of a software device from it.
  request.numa_node = port.software ? -1 : port.numa_node;
  request.threads = port.software ? 2 : 1;
  request.memory_bytes = messages + settings.largest_size() + settings.queue_pairs * kQueueBytes;
  request.locked_bytes = messages;
  return host.add_worker(request);
}

// Both ends name as many pairs of ports; where one names fewer, they serve in turn.
std::size_t lanes_of(const Settings& settings, const std::vector<Port>& mine) {
  return std::max({mine.size(), settings.near.ports.size(), settings.far.ports.size()});
}

class Plan {
 public:
  Plan(const sdk::Host& host, const Settings& settings) : host_(host), settings_(settings) {}

  // The ends of one side of the links to `peer`.
  sdk::Outcome add(bool near, int peer) {
    const auto ports = find_ports((near ? settings_.near : settings_.far).ports);
    if (!ports) return report(host_, ports.error());
    for (std::size_t lane = 0; lane < lanes_of(settings_, *ports); ++lane)
      for (const bool reversed : {false, true}) {
        if (reversed ? settings_.initiator == Initiator::kHere : settings_.initiator == Initiator::kPeer)
          continue;
        const LinkRole role{near != reversed, peer, static_cast<int>(lane), reversed};
        if (const auto added = add_worker(host_, settings_, role, *ports); added != sdk::Outcome::kOk)
          return added;
      }
    return sdk::Outcome::kOk;
  }

 private:
  const sdk::Host& host_;
  const Settings& settings_;
};

}  // namespace

sdk::Outcome report(const sdk::Host& host, const Error& error) {
  return error.exit == Exit::kInconclusive ? host.unavailable(error.what, error.hint)
                                           : host.fail(error.what, error.hint);
}

sdk::Outcome plan_workers(const sdk::Host& host, const Settings& settings) {
  Plan plan(host, settings);
  if (host.hosts() > 1 && host.host_index() > 0) return plan.add(false, host.host_index());
  const int first = host.hosts() > 1 ? 1 : 0;
  for (int peer = first; peer < std::max(host.hosts(), 1); ++peer)
    if (const auto added = plan.add(true, peer); added != sdk::Outcome::kOk) return added;
  return host.hosts() > 1 ? sdk::Outcome::kOk : plan.add(false, 0);
}

}  // namespace millrace::rdma
