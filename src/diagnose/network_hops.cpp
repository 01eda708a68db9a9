// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/conventions.hpp"
#include "diagnose/evidence.hpp"
#include "diagnose/feed_path.hpp"
#include "topology/graph.hpp"

namespace millrace::diagnose {
namespace {

bool measures_a_link(const record::Measurement& m) {
  return std::any_of(std::begin(conventions::kLinkProbes), std::end(conventions::kLinkProbes),
                     [&](const char* probe) { return m.probe == probe; });
}

bool is_of_the_storage_network(const record::Measurement& m) {
  return m.label == conventions::kStorageNetwork && m.status == "ok" && m.concurrent_with.empty() &&
         measures_a_link(m) && m.throughput_bytes_per_s.mean > 0;
}

// Away from this host. The ends tell it where a NIC is known on the way.
bool leaves_this_host(const record::Measurement& m) {
  return text(m, "direction") == "send" || m.to.starts_with("host");
}

}  // namespace

void add_network_hops(const record::Document& document, FeedPath& path) {
  // What is read comes this way: where both ways were measured, the other one is no hop of it.
  const bool any_comes = std::any_of(
      document.measurements.begin(), document.measurements.end(),
      [](const record::Measurement& m) { return is_of_the_storage_network(m) && !leaves_this_host(m); });
  for (const record::Measurement& m : document.measurements) {
    if (!is_of_the_storage_network(m) || (any_comes && leaves_this_host(m))) continue;
    Hop hop;
    hop.kind = "network";
    for (const record::MeasuredHop& crossed : m.path)
      if (const auto* resource = topology::find_resource(document.topology, crossed.resource);
          resource != nullptr && (resource->kind == "nic" || resource->kind == "network_link"))
        hop.resources.push_back(resource->id);
    if (hop.resources.empty()) hop.resources = {m.from.empty() ? "network:storage" : m.from};
    hop.noun = "the network to the storage";
    hop.name = fmt::format("crossing the network to the storage ({})", m.probe);
    hop.capacity = capacity_from(m.throughput_bytes_per_s, m.repeats, 1);
    hop.capacity.evidence = {m.id};
    if (m.limit_bytes_per_s && !set_limit(hop.capacity, *m.limit_bytes_per_s, m.limit_source))
      path.notes.push_back(fmt::format(
          "{} moved more than the limit of its path ({}): the limit is discredited and was dropped", m.id,
          m.limit_source));
    path.hops.push_back(std::move(hop));
  }
}

}  // namespace millrace::diagnose
