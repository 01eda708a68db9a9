// SPDX-License-Identifier: Apache-2.0
#include "topology/placement_findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>

namespace millrace::topology {
namespace {

struct Neighbour {
  const char* what;     // "network port"
  const char* missing;  // what to move
  std::vector<const Endpoint*> all;
};

const Endpoint* nearest(const Machine& machine, const Endpoint& gpu,
                        const std::vector<const Endpoint*>& all) {
  const Endpoint* best = nullptr;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const Endpoint* other : all) {
    const std::size_t hops = path_between(machine.graph, other->id, gpu.id).size();
    if (hops == 0 || hops >= fewest) continue;
    fewest = hops;
    best = other;
  }
  return best;
}

double port_rate(const Machine& machine, const Endpoint& nic) {
  for (const Link& link : machine.graph.links) {
    const Resource* port = link.from == nic.id ? find_resource(machine.graph, link.resource) : nullptr;
    if (port != nullptr) return port->limit_bytes_per_s.value_or(0);
  }
  return 0;
}

}  // namespace

std::vector<Finding> examine_placement(const Machine& machine) {
  std::vector<Finding> found;
  constexpr double kFastPort = 10e9 / 8;  // a management port is nobody's neighbour
  const auto& endpoints = machine.graph.endpoints;
  const bool has_rdma =
      std::any_of(endpoints.begin(), endpoints.end(), [](const Endpoint& e) { return e.kind == "rdma"; });
  Neighbour ports{"fast network port", "port", {}};
  Neighbour drives{"NVMe drive", "drive", {}};
  for (const Endpoint& e : machine.graph.endpoints) {
    if (e.kind == "storage" && e.id.starts_with("storage:nvme") && e.numa && !e.pci.empty())
      drives.all.push_back(&e);
    const bool fast =
        e.kind == "rdma" || (!has_rdma && e.kind == "nic" && port_rate(machine, e) >= kFastPort);
    if (fast && e.numa && !e.pci.empty()) ports.all.push_back(&e);
  }
  for (const Neighbour& kind : {ports, drives}) {
    if (kind.all.empty()) continue;
    std::map<int, std::vector<const Endpoint*>>
        alone;  // by node: GPUs that have none of this kind beside them
    for (const Endpoint& e : machine.graph.endpoints) {
      const bool has_one =
          std::any_of(kind.all.begin(), kind.all.end(), [&](const Endpoint* o) { return o->numa == e.numa; });
      if (e.kind == "gpu" && e.numa && !has_one) alone[*e.numa].push_back(&e);
    }
    for (const auto& [node, gpus] : alone) {
      const Endpoint* other = nearest(machine, *gpus.front(), kind.all);
      if (other == nullptr) continue;
      std::vector<std::string> ids;
      for (const Endpoint* gpu : gpus) ids.push_back(gpu->id);
      const std::string near_name = other->id.substr(other->id.find(':') + 1);
      found.push_back(
          {"device-on-far-numa-node", "warning", ids.front(),
           fmt::format(
               "{} on NUMA node {} {} no {} beside {}: the nearest, {}, is on node {}, so their bytes "
               "cross between the nodes",
               fmt::join(ids, ", "), node, ids.size() == 1 ? "has" : "have", kind.what,
               ids.size() == 1 ? "it" : "them", near_name, *other->numa),
           fmt::format(
               "move a {} to a slot of node {}; until then keep jobs on {} on their own node: numactl "
               "-N {} -m {} COMMAND",
               kind.missing, node, fmt::join(ids, ", "), node, node)});
    }
  }
  return found;
}

}  // namespace millrace::topology
