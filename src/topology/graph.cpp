// SPDX-License-Identifier: Apache-2.0
#include "topology/graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>

namespace millrace::topology {
namespace {

constexpr int kDeepestStack = 8;  // md on dm on loop on …: deeper than this is a cycle in the document

bool ends_here(std::string_view kind) {
  return kind == "storage" || kind == "file_system" || kind == "memory" || kind == "gpu";
}

bool holds_files(std::string_view kind) { return kind == "storage" || kind == "file_system"; }

void add_hop(std::vector<Hop>& path, const std::string& resource, double units) {
  if (resource.empty()) return;
  const auto seen =
      std::find_if(path.begin(), path.end(), [&](const Hop& h) { return h.resource == resource; });
  if (seen == path.end())
    path.push_back({resource, units});
  else
    seen->units_per_byte += units;
}

class Router {
 public:
  explicit Router(const Topology& topology) {
    for (const Endpoint& e : topology.endpoints) kind_[e.id] = e.kind;
    for (const Link& l : topology.links) out_[l.from].push_back(&l);
    for (const Link& l : topology.links)
      if (holds_files(kind_[l.from]) && holds_files(kind_[l.to])) stacked_[l.from].push_back(&l);
  }

  bool route(std::string_view from, std::string_view to, double units, int depth,
             std::vector<Hop>& path) const {
    if (depth > kDeepestStack) return false;
    if (const auto* members = members_of(from); members != nullptr)
      return spread(*members, to, units, depth, path);
    if (const auto* members = members_of(to); members != nullptr) {
      // Towards a stacked device: to each member, then across the stack's own resource.
      std::vector<Hop> hops;
      const double share = units / static_cast<double>(members->size());
      for (const Link* link : *members)
        if (!route(from, link->to, share, depth + 1, hops)) return false;
      for (const Hop& hop : hops) add_hop(path, hop.resource, hop.units_per_byte);
      add_hop(path, members->front()->resource, units);
      return true;
    }
    return breadth_first(from, to, units, path);
  }

 private:
  const std::vector<const Link*>* members_of(std::string_view id) const {
    const auto it = stacked_.find(id);
    return it == stacked_.end() || it->second.empty() ? nullptr : &it->second;
  }

  bool spread(const std::vector<const Link*>& members, std::string_view to, double units, int depth,
              std::vector<Hop>& path) const {
    add_hop(path, members.front()->resource, units);
    for (const Link* link : members) {
      if (link->to == to) continue;  // the member itself is asked for: nothing lies beyond
      if (!route(link->to, to, units / static_cast<double>(members.size()), depth + 1, path)) return false;
    }
    return true;
  }

  bool breadth_first(std::string_view from, std::string_view to, double units, std::vector<Hop>& path) const {
    std::map<std::string_view, const Link*> reached_by{{from, nullptr}};
    std::deque<std::string_view> open{from};
    while (!open.empty() && !reached_by.contains(to)) {
      const std::string_view here = open.front();
      open.pop_front();
      const auto kind = kind_.find(here);
      if (here != from && kind != kind_.end() && ends_here(kind->second)) continue;
      const auto links = out_.find(here);
      if (links == out_.end()) continue;
      for (const Link* link : links->second)
        if (reached_by.emplace(link->to, link).second) open.push_back(link->to);
    }
    if (!reached_by.contains(to)) return false;
    std::vector<const Link*> way;
    for (const Link* link = reached_by[to]; link != nullptr; link = reached_by[link->from])
      way.push_back(link);
    for (auto it = way.rbegin(); it != way.rend(); ++it) add_hop(path, (*it)->resource, units);
    return true;
  }

  std::map<std::string_view, std::string_view> kind_;
  std::map<std::string_view, std::vector<const Link*>> out_;
  std::map<std::string_view, std::vector<const Link*>> stacked_;
};

constexpr std::size_t kReasons = 3;  // why no limit is known
constexpr double kSame = 1e-9;       // relative: limits that differ by rounding

// "Ethernet port eth0, sending and Ethernet port eth1, sending: 100 Gb/s, with 50 % of the bytes each". In a
// row, one of several alike says it all.
std::string source_of(const std::vector<const Resource*>& at, double units) {
  if (at.empty()) return {};
  const std::string& source = at.front()->limit_source;
  if (std::abs(units - 1) < kSame) return at.front()->name + ": " + source;
  if (units > 1)
    return fmt::format("{}: {}, crossed {:.3g} times by each byte", at.front()->name, source, units);
  std::vector<std::string> names;
  for (const Resource* resource : at)
    if (resource->limit_source == source) names.push_back(resource->name);
  return fmt::format("{}: {}, with {:.3g} % of the bytes{}", fmt::join(names, " and "), source, 100 * units,
                     names.size() > 1 ? " each" : "");
}

// `known`: of those that were asked already, or are being asked now (a circle, which no machine has).
double share_in_memory_below(const Topology& topology, std::string_view id, int depth,
                             std::map<std::string_view, double>& known) {
  const Endpoint* endpoint = find_endpoint(topology, id);
  if (endpoint == nullptr || depth > kDeepestStack) return 0;
  if (endpoint->kind == "memory" || endpoint->backing == "memory") return 1;
  if (!holds_files(endpoint->kind)) return 0;
  const auto [at, is_new] = known.try_emplace(endpoint->id, 0);
  if (!is_new) return at->second;
  double sum = 0;
  int members = 0;
  for (const Link& link : topology.links) {
    if (link.from != id) continue;
    const Endpoint* member = find_endpoint(topology, link.to);
    if (member == nullptr || !holds_files(member->kind)) continue;
    sum += share_in_memory_below(topology, link.to, depth + 1, known);
    ++members;
  }
  return known[endpoint->id] = members == 0 ? 0 : sum / members;
}

template <typename T>
const T* find_by_id(const std::vector<T>& all, std::string_view id) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const T& t) { return t.id == id; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

const Endpoint* find_endpoint(const Topology& topology, std::string_view id) {
  return find_by_id(topology.endpoints, id);
}

const Resource* find_resource(const Topology& topology, std::string_view id) {
  return find_by_id(topology.resources, id);
}

std::vector<std::string> ends_of(std::string_view several) {
  constexpr std::string_view kBetween = " + ";
  std::vector<std::string> ends;
  for (std::size_t at = several.find(kBetween); at != std::string_view::npos; at = several.find(kBetween)) {
    ends.emplace_back(several.substr(0, at));
    several.remove_prefix(at + kBetween.size());
  }
  ends.emplace_back(several);
  return ends;
}

std::vector<Hop> path_between(const Topology& topology, std::string_view from, std::string_view to) {
  std::vector<Hop> path;
  const std::vector<std::string> begins = ends_of(from);
  const std::vector<std::string> ends = ends_of(to);
  // Between each beginning and each end that is another: both ways at once ("a + b" to "b + a") are two
  // halves.
  std::size_t pairs = 0;
  for (const std::string& begin : begins)
    pairs += static_cast<std::size_t>(
        std::count_if(ends.begin(), ends.end(), [&](const auto& end) { return end != begin; }));
  const double share = 1.0 / static_cast<double>(std::max<std::size_t>(pairs, 1));
  const Router router(topology);
  for (const std::string& begin : begins)
    for (const std::string& end : ends) {
      std::vector<Hop> part;
      if (begin == end || !router.route(begin, end, share, 0, part)) continue;
      for (const Hop& hop : part) add_hop(path, hop.resource, hop.units_per_byte);
    }
  return path;
}

double share_in_memory(const Topology& topology, std::string_view endpoints) {
  const std::vector<std::string> ends = ends_of(endpoints);
  double sum = 0;
  std::map<std::string_view, double> known;
  for (const std::string& end : ends) sum += share_in_memory_below(topology, end, 0, known);
  return sum / static_cast<double>(ends.size());
}

PathLimit limit_of(const Topology& topology, const std::vector<Hop>& path) {
  PathLimit lowest;
  std::vector<std::string> unknown;  // why
  double units = 1;
  std::vector<const Resource*> at;  // those that have it
  for (const Hop& hop : path) {
    const Resource* resource = find_resource(topology, hop.resource);
    if (resource == nullptr || hop.units_per_byte <= 0) continue;
    if (!resource->limit_bytes_per_s) {
      if (!resource->limit_source.empty()) unknown.push_back(resource->name + ": " + resource->limit_source);
      continue;
    }
    const double limit = *resource->limit_bytes_per_s / hop.units_per_byte;
    if (lowest.bytes_per_s && limit > *lowest.bytes_per_s * (1 + kSame)) continue;
    if (lowest.bytes_per_s && limit >= *lowest.bytes_per_s * (1 - kSame)) {
      if (std::abs(hop.units_per_byte - units) < kSame) at.push_back(resource);
      continue;
    }
    lowest.bytes_per_s = limit;
    units = hop.units_per_byte;
    at = {resource};
  }
  unknown.resize(std::min(unknown.size(), kReasons));
  lowest.source = at.empty() ? fmt::format("{}", fmt::join(unknown, "; ")) : source_of(at, units);
  return lowest;
}

}  // namespace millrace::topology
