// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "fabric/patterns.hpp"

namespace millrace::fabric {
namespace {

// The network that leads to the servers: that of the GPUs, or one of its own.
struct ToStorage {
  explicit ToStorage(const Fabric& fabric)
      : own(fabric.storage_network()),
        hosts_per_leaf(own != nullptr ? own->leaf.hosts : fabric.leaf.hosts),
        rails(own != nullptr ? 1 : fabric.rails),
        leaves(own != nullptr ? own->leaves(fabric.hosts()) : fabric.leaves()),
        pods(own != nullptr ? own->pods(fabric.hosts()) : fabric.pods()),
        spine(own != nullptr ? own->spine : fabric.spine),
        has_core(own != nullptr ? own->core.has_value() : fabric.core.has_value()) {}

  [[nodiscard]] Kind kind(Kind of_gpus, Kind of_storage) const {
    return own != nullptr ? of_storage : of_gpus;
  }

  const StorageNetwork* own;
  std::int64_t hosts_per_leaf, rails, leaves, pods;
  const std::optional<Spine>& spine;
  bool has_core;
};

// To or from servers that are spread evenly over the switches of a tier. `down`: to the hosts.
class StorageTraffic {
 public:
  StorageTraffic(Crossings& crossings, const JobRanks& job, bool down)
      : crossings_(crossings), fabric_(crossings.fabric()), job_(job), down_(down), network_(fabric_) {}

  void run(double bytes) {
    std::vector<double> leaves(static_cast<std::size_t>(network_.leaves), 0.0);
    for (std::int64_t rank = 0; rank < job_.ranks; ++rank) {
      const std::int64_t host = job_.first_host + job_.host(rank), gpu = rank % job_.gpus;
      if (network_.own == nullptr) {
        down_ ? crossings_.in(host, gpu, bytes) : crossings_.out(host, gpu, bytes);
        crossings_.leaves(leaves.data(), crossings_.group_of(host), gpu, bytes);
        continue;
      }
      crossings_.of_gpu(down_ ? Kind::kPcieIn : Kind::kPcieOut, host, gpu) += bytes;
      crossings_.on(down_ ? Kind::kStorageNicDown : Kind::kStorageNicUp, host) += bytes;
      leaves[static_cast<std::size_t>(host / network_.hosts_per_leaf)] += bytes;
    }
    const double total = bytes * static_cast<double>(job_.ranks);
    crossings_.on(down_ ? Kind::kStorageRead : Kind::kStorageWrite, 0) += total;
    crossings_.on(down_ ? Kind::kStorageOut : Kind::kStorageIn, 0) += total;
    if (network_.spine) cross_tiers(leaves, total);
  }

 private:
  // Of a switch with `own` of the bytes behind it and `share` of the servers: what its hosts exchange with
  // servers elsewhere, and its servers with hosts elsewhere.
  void tier(Kind to_hosts, Kind from_hosts, std::int64_t at, double own, double share, double total) {
    crossings_.on(down_ ? to_hosts : from_hosts, at) += own * (1 - share);
    crossings_.on(down_ ? from_hosts : to_hosts, at) += (total - own) * share;
  }

  void cross_tiers(const std::vector<double>& leaves, double total) {
    const Tier attached = fabric_.storage->attached_to;
    const double of_leaf = attached == Tier::kLeaf ? 1 / static_cast<double>(leaves.size()) : 0;
    std::vector<double> pods(static_cast<std::size_t>(network_.pods), 0.0), shares(pods.size(), 0.0);
    const Kind leaf_down = network_.kind(Kind::kLeafDown, Kind::kStorageLeafDown),
               leaf_up = network_.kind(Kind::kLeafUp, Kind::kStorageLeafUp);
    for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
      const auto number = static_cast<std::int64_t>(leaf);
      tier(leaf_down, leaf_up, number, leaves[leaf], of_leaf, total);
      const auto pod = static_cast<std::size_t>(number / network_.rails / network_.spine->groups);
      pods[pod] += leaves[leaf];
      shares[pod] += of_leaf;
    }
    if (!network_.has_core) return;
    for (std::size_t pod = 0; pod < pods.size(); ++pod) {
      if (attached == Tier::kSpine) shares[pod] = 1 / static_cast<double>(pods.size());
      tier(network_.kind(Kind::kSpineDown, Kind::kStorageSpineDown),
           network_.kind(Kind::kSpineUp, Kind::kStorageSpineUp), static_cast<std::int64_t>(pod), pods[pod],
           shares[pod], total);
      crossings_.on(network_.kind(Kind::kCore, Kind::kStorageCore), 0) += pods[pod] * (1 - shares[pod]);
    }
  }

  Crossings& crossings_;
  const Fabric& fabric_;
  const JobRanks& job_;
  bool down_;
  ToStorage network_;
};

void local_drives(Crossings& crossings, const JobRanks& job, bool read, double bytes) {
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) {
    const std::int64_t host = job.first_host + job.host(rank);
    crossings.on(read ? Kind::kDriveRead : Kind::kDriveWrite, host) += bytes;
    crossings.of_gpu(read ? Kind::kPcieIn : Kind::kPcieOut, host, rank % job.gpus) += bytes;
  }
}

}  // namespace

void route_storage(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic) {
  const bool read = traffic.pattern == workload::Pattern::kRead;
  if (crossings.fabric().storage) return StorageTraffic(crossings, job, read).run(traffic.bytes_per_rank);
  local_drives(crossings, job, read, traffic.bytes_per_rank);
}

}  // namespace millrace::fabric
