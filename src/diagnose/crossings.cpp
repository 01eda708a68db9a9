// SPDX-License-Identifier: Apache-2.0
#include "diagnose/crossings.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace millrace::diagnose {
namespace {

constexpr const char* kAnyOperation = "any";
constexpr std::size_t kMostEndpoints = 2000;  // beyond one host's, all pairs of them would take minutes

bool depends_on_operation(const std::string& kind) { return kind == "drive" || kind == "file_system"; }

std::string kind_in(const std::unordered_map<std::string, const topology::Resource*>& resources,
                    const std::string& id) {
  if (const auto found = resources.find(id); found != resources.end()) return found->second->kind;
  if (id.starts_with("cpu:")) return "cpu_stage";
  return id.starts_with("memory") ? "memory_controller" : "unknown";
}

// A copy within one memory has no path in the graph, yet reads and writes that memory.
constexpr double kReadAndWritten = 2;
std::vector<record::MeasuredHop> path_of(
    const topology::Topology& topology,
    const std::unordered_map<std::string, const topology::Resource*>& resources,
    const record::Measurement& m) {
  if (!m.path.empty() || m.from != m.to) return m.path;
  for (const topology::Link& link : topology.links)
    if (link.to == m.to && kind_in(resources, link.resource) == "memory_controller")
      return {{link.resource, kReadAndWritten}};
  return {};
}

// Of everything in a set that crosses a drive: reads beside writes are a class of their own.
std::string operations_on(const std::string& resource, const SimultaneousSet& set) {
  std::set<std::string> operations;
  for (const record::Measurement* m : set.members)
    if (std::any_of(m->path.begin(), m->path.end(),
                    [&](const record::MeasuredHop& hop) { return hop.resource == resource; }))
      operations.insert(operation_of(*m));
  return fmt::format("{}", fmt::join(operations, " with "));
}

void find_classes(Crossings& crossings) {
  // Sets, flows and proportions as text: what has the same is one class.
  std::vector<std::string> signature(crossings.nodes.size());
  std::vector<double> first(crossings.nodes.size(), 0);
  for (std::size_t s = 0; s < crossings.of_set.size(); ++s)
    for (const Crossing& crossing : crossings.of_set[s]) {
      double& unit = first[crossing.node];
      if (unit == 0) unit = crossing.units;
      signature[crossing.node] += fmt::format("{}/{}:{:.4g};", s, crossing.flow, crossing.units / unit);
    }
  std::map<std::string, std::size_t> known;
  for (std::size_t n = 0; n < crossings.nodes.size(); ++n) {
    const auto [at, fresh] = known.emplace(signature[n], crossings.classes.size());
    if (fresh) crossings.classes.emplace_back();
    crossings.classes[at->second].push_back(n);
    crossings.class_of.push_back(at->second);
  }
}

bool is_memory(const topology::Endpoint& endpoint) {
  return endpoint.kind == "memory" || endpoint.kind == "gpu";
}

bool is_an_end(const topology::Endpoint& endpoint) {
  return is_memory(endpoint) || endpoint.kind == "storage" || endpoint.kind == "file_system" ||
         endpoint.kind == "nic" || endpoint.kind == "rdma";
}

}  // namespace

Crossings crossings_of(const topology::Topology& topology, const std::vector<SimultaneousSet>& sets) {
  std::unordered_map<std::string, const topology::Resource*> resources;
  for (const topology::Resource& resource : topology.resources) resources.emplace(resource.id, &resource);
  Crossings crossings;
  std::map<std::pair<std::string, std::string>, std::size_t> nodes;
  for (const SimultaneousSet& set : sets) {
    auto& of_set = crossings.of_set.emplace_back();
    for (std::size_t f = 0; f < set.members.size(); ++f) {
      std::map<std::size_t, double> units;  // a path may name a resource twice
      std::vector<std::size_t> order;
      for (const record::MeasuredHop& hop : path_of(topology, resources, *set.members[f])) {
        if (hop.units_per_byte <= 0) continue;
        const std::string kind = kind_in(resources, hop.resource);
        const std::string operation =
            depends_on_operation(kind) ? operations_on(hop.resource, set) : kAnyOperation;
        const auto [at, fresh] = nodes.emplace(std::pair(hop.resource, operation), crossings.nodes.size());
        if (fresh) crossings.nodes.push_back({hop.resource, operation, kind});
        if (units[at->second] == 0) order.push_back(at->second);
        units[at->second] += hop.units_per_byte;
      }
      for (const std::size_t node : order) of_set.push_back({node, f, units[node]});
    }
  }
  find_classes(crossings);
  return crossings;
}

std::vector<PossibleFlow> possible_flows(const topology::Topology& topology) {
  std::vector<PossibleFlow> flows;
  if (topology.endpoints.size() > kMostEndpoints) return flows;
  for (const topology::Endpoint& from : topology.endpoints) {
    if (!is_an_end(from)) continue;
    for (const topology::Endpoint& to : topology.endpoints) {
      if (!is_an_end(to) || &from == &to || from.host != to.host || !(is_memory(from) || is_memory(to)))
        continue;
      PossibleFlow flow{from.id, to.id, {}};
      for (const topology::Hop& hop : topology::path_between(topology, from.id, to.id))
        flow.crosses.push_back(hop.resource);
      if (flow.crosses.empty()) continue;
      std::sort(flow.crosses.begin(), flow.crosses.end());
      flows.push_back(std::move(flow));
    }
  }
  return flows;
}

std::string what_splits(const std::vector<PossibleFlow>& flows, const std::vector<std::string>& resources) {
  for (const PossibleFlow& flow : flows) {
    const auto crossed = static_cast<std::size_t>(
        std::count_if(resources.begin(), resources.end(), [&](const std::string& resource) {
          return std::binary_search(flow.crosses.begin(), flow.crosses.end(), resource);
        }));
    if (crossed > 0 && crossed < resources.size()) return fmt::format("from {} to {}", flow.from, flow.to);
  }
  return {};
}

}  // namespace millrace::diagnose
