// SPDX-License-Identifier: Apache-2.0
// Fabrics small enough to be worked out by hand, and their loads by name.
#pragma once

#include <vector>

#include "fabric/route.hpp"

namespace millrace::fabric {

// Two leaves (of a rail) with two hosts each, joined by two spines; two GPUs and two NICs a host.
inline Fabric two_leaves(std::int64_t rails = 1) {
  Fabric fabric;
  fabric.gpus_per_host = fabric.nics_per_host = 2;
  fabric.rails = rails;
  fabric.kinds = {{"host", 4, 100.0, 60.0, 50.0, {}, {}}};
  fabric.leaf = {2, 4, 50.0};
  fabric.spine = Spine{2, 2, 0, {}};
  return fabric;
}

// Two of those as pods, under two core switches.
inline Fabric two_pods(std::int64_t rails = 1) {
  Fabric fabric = two_leaves(rails);
  fabric.kinds.front().hosts = 8;
  fabric.spine = Spine{2, 2, 2, 50.0};
  fabric.core = Core{2, 200.0};
  return fabric;
}

inline workload::Traffic traffic(workload::Pattern pattern, double bytes, std::int64_t group = 1,
                                 std::int64_t stride = 1) {
  return {"test", pattern, workload::Purpose::kCollective, bytes, group, stride, true};
}

struct Loads {
  Resources resources;
  std::vector<double> all;

  Loads(const Fabric& fabric, const workload::Traffic& traffic, Placement placement)
      : resources(fabric), all(resources.size(), 0.0) {
    add_loads(resources, traffic, placement, all);
  }
  // Of one kind, bundle after bundle.
  [[nodiscard]] std::vector<double> of(Kind kind) const {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(resources.first(kind));
    return {begin, begin + static_cast<std::ptrdiff_t>(resources.bundles(kind))};
  }
};

}  // namespace millrace::fabric
