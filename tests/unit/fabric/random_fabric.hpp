// SPDX-License-Identifier: Apache-2.0
// Small fabrics of every shape: one to three levels, rails or none, more or fewer NICs than GPUs, storage
// anywhere. Their rates are unknown.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <random>

#include "fabric/fabric.hpp"

namespace millrace::fabric {

using Random = std::mt19937_64;

inline std::int64_t one_of(Random& random, std::initializer_list<std::int64_t> values) {
  return values.begin()[std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(random)];
}
inline std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

// A network of storage's own, of one to three levels whatever the other one has.
inline void add_storage_network(Random& random, Fabric& fabric) {
  StorageNetwork& own = fabric.storage->network.emplace();
  own.nics_per_host = between(random, 1, 3);
  own.leaf.hosts = between(random, 1, 4);
  const std::int64_t leaves = own.leaves(fabric.hosts()), spines = between(random, 1, 3);
  fabric.storage->attached_to = Tier::kLeaf;
  if (leaves == 1 && between(random, 0, 2) > 0) return;
  own.leaf.uplinks = spines * between(random, 1, 2);
  own.spine = Spine{leaves, spines, 0, {}};
  if (between(random, 0, 2) == 0) fabric.storage->attached_to = Tier::kSpine;
  if (between(random, 0, 2) == 0) return;
  own.spine->groups = between(random, 1, 3);
  own.spine->uplinks = between(random, 1, 2);
  const std::int64_t links = spines * own.spine->uplinks;
  own.core = Core{links % 2 == 0 ? links / 2 : links, {}};
  if (between(random, 0, 2) == 0) fabric.storage->attached_to = Tier::kCore;
}

// In front of the others or behind them, with other numbers of GPUs and NICs.
inline void add_other_hosts(Random& random, Fabric& fabric) {
  HostKind kind{"other", between(random, 1, 5), {}, {}, {}, {}, {}};
  for (int tries = 0; tries < 100; ++tries) {
    kind.gpus = one_of(random, {1, 2, 3, 4, 6, 8});
    kind.nics = one_of(random, {1, 2, 3, 4, 6, 8, 12, 16});
    if (kind.nics % fabric.rails == 0 && std::max(kind.gpus, kind.nics) % std::min(kind.gpus, kind.nics) == 0)
      break;
    kind.gpus = kind.nics = 0;
  }
  fabric.kinds.insert(between(random, 0, 1) == 0 ? fabric.kinds.begin() : fabric.kinds.end(), kind);
}

inline Fabric random_fabric(Random& random) {
  Fabric fabric;
  fabric.gpus_per_host = one_of(random, {1, 2, 3, 4, 8});
  fabric.nics_per_host = fabric.gpus_per_host * one_of(random, {1, 1, 1, 2});
  if (fabric.gpus_per_host % 2 == 0 && between(random, 0, 3) == 0)
    fabric.nics_per_host = fabric.gpus_per_host / 2;
  do {
    fabric.rails = one_of(random, {1, 1, 2, 4, 8, fabric.nics_per_host});
  } while (fabric.nics_per_host % fabric.rails != 0);
  fabric.kinds = {{"host", between(random, 1, 9), {}, {}, {}, {}, {}}};
  while (between(random, 0, 2) == 0) add_other_hosts(random, fabric);
  fabric.leaf.hosts = between(random, 1, 4);
  const std::int64_t spines = between(random, 1, 3);
  if (fabric.groups() > 1 || between(random, 0, 2) == 0) {
    fabric.leaf.uplinks = spines * between(random, 1, 2);
    fabric.spine = Spine{fabric.groups(), spines, 0, {}};
    if (between(random, 0, 2) > 0) {
      fabric.spine->groups = between(random, 1, 3);
      fabric.spine->uplinks = between(random, 1, 2);
      const std::int64_t links = spines * fabric.spine->uplinks;
      fabric.core = Core{links % 2 == 0 ? links / 2 : links, {}};
    }
  }
  if (between(random, 0, 3) > 0) {
    fabric.storage = Storage{between(random, 1, 3), {}, {}, between(random, 1, 2), {}, Tier::kLeaf};
    if (fabric.spine && between(random, 0, 2) == 0) fabric.storage->attached_to = Tier::kSpine;
    if (fabric.core && between(random, 0, 2) == 0) fabric.storage->attached_to = Tier::kCore;
    if (between(random, 0, 1) > 0) add_storage_network(random, fabric);
  }
  return fabric;
}

}  // namespace millrace::fabric
