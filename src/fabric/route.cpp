// SPDX-License-Identifier: Apache-2.0
#include "fabric/route.hpp"

#include "fabric/patterns.hpp"

namespace millrace::fabric {
namespace {

Kinds these(std::initializer_list<Kind> kinds) {
  Kinds all;
  for (const Kind kind : kinds) all.set(static_cast<std::size_t>(kind));
  return all;
}

}  // namespace

Kinds kinds_of(const Fabric& fabric, workload::Pattern pattern) {
  const Kinds tiers = these({Kind::kLeafUp, Kind::kLeafDown, Kind::kSpineUp, Kind::kSpineDown, Kind::kCore});
  const bool shared = fabric.storage.has_value(), own = fabric.storage_network() != nullptr;
  const Kinds to_storage = own ? these({Kind::kStorageLeafUp, Kind::kStorageLeafDown, Kind::kStorageSpineUp,
                                        Kind::kStorageSpineDown, Kind::kStorageCore})
                               : tiers;
  switch (pattern) {
    case workload::Pattern::kRead:
      return shared ? to_storage | these({Kind::kPcieIn, own ? Kind::kStorageNicDown : Kind::kNicDown,
                                          Kind::kStorageRead, Kind::kStorageOut})
                    : these({Kind::kPcieIn, Kind::kDriveRead});
    case workload::Pattern::kWrite:
      return shared ? to_storage | these({Kind::kPcieOut, own ? Kind::kStorageNicUp : Kind::kNicUp,
                                          Kind::kStorageWrite, Kind::kStorageIn})
                    : these({Kind::kPcieOut, Kind::kDriveWrite});
    default:
      return tiers | these({Kind::kNvlinkOut, Kind::kNvlinkIn, Kind::kPcieOut, Kind::kPcieIn, Kind::kNicUp,
                            Kind::kNicDown});
  }
}

void add_loads(const Resources& resources, const workload::Traffic& traffic, const Placement& placement,
               std::span<double> loads) {
  if (traffic.bytes_per_rank <= 0) return;
  const AlikeHosts alike = resources.fabric().alike_at(placement.first_host);
  Crossings crossings(resources, alike, loads);
  const JobRanks job{placement.first_host, placement.ranks, alike.gpus};
  switch (traffic.pattern) {
    case workload::Pattern::kRead:
    case workload::Pattern::kWrite:
      return route_storage(crossings, job, traffic);
    case workload::Pattern::kRing:
      return route_ring(crossings, job, traffic);
    case workload::Pattern::kChain:
      return route_chain(crossings, job, traffic);
    case workload::Pattern::kAllToAll:
      return route_all_to_all(crossings, job, traffic);
  }
}

}  // namespace millrace::fabric
