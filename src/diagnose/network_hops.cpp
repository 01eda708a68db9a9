// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/conventions.hpp"
#include "diagnose/feed_path.hpp"
#include "topology/graph.hpp"

namespace millrace::diagnose {
namespace {

bool measures_a_link(const record::Measurement& m) {
  return std::any_of(std::begin(conventions::kLinkProbes), std::end(conventions::kLinkProbes),
                     [&](const char* probe) { return m.probe == probe; });
}

}  // namespace

void add_network_hops(const record::Document& document, FeedPath& path) {
  for (const record::Measurement& m : document.measurements) {
    if (m.label != conventions::kStorageNetwork || m.status != "ok" || !m.concurrent_with.empty() ||
        !measures_a_link(m) || m.throughput_bytes_per_s.mean <= 0)
      continue;
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
