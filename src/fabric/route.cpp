// SPDX-License-Identifier: Apache-2.0
#include "fabric/route.hpp"

#include <numeric>

#include "fabric/group_math.hpp"

namespace millrace::fabric {
namespace {

// Adds bytes to what one thing crosses; hosts are the fabric's, GPUs those of their host.
class Crossings {
 public:
  Crossings(const Resources& resources, std::span<double> loads)
      : fabric_(resources.fabric()),
        gpus_(fabric_.gpus_per_host),
        nics_(fabric_.nics_per_host),
        rails_(fabric_.rails),
        nics_of_gpu_(std::max<std::int64_t>(1, nics_ / gpus_)),
        has_spine_(fabric_.spine.has_value()) {
    for (std::size_t k = 0; k < kKinds; ++k) at_[k] = loads.data() + resources.first(static_cast<Kind>(k));
  }

  [[nodiscard]] const Fabric& fabric() const { return fabric_; }
  [[nodiscard]] bool by_rails() const { return rails_ > 1; }
  [[nodiscard]] std::int64_t group_of(std::int64_t host) const { return host / fabric_.leaf.hosts; }
  [[nodiscard]] std::int64_t pod_of(std::int64_t group) const {
    return has_spine_ ? group / fabric_.spine->groups : 0;
  }

  void nvlink(std::int64_t host, std::int64_t from, std::int64_t to, double bytes) {
    on(Kind::kNvlinkOut, host * gpus_ + from) += bytes;
    on(Kind::kNvlinkIn, host * gpus_ + to) += bytes;
  }
  void nvlink_out(std::int64_t host, std::int64_t gpu, double bytes) {
    on(Kind::kNvlinkOut, host * gpus_ + gpu) += bytes;
  }
  void nvlink_in(std::int64_t host, std::int64_t gpu, double bytes) {
    on(Kind::kNvlinkIn, host * gpus_ + gpu) += bytes;
  }

  // From a GPU into the network, from the network into a GPU.
  void out(std::int64_t host, std::int64_t gpu, double bytes) {
    edge(Kind::kPcieOut, Kind::kNicUp, host, gpu, bytes);
  }
  void in(std::int64_t host, std::int64_t gpu, double bytes) {
    edge(Kind::kPcieIn, Kind::kNicDown, host, gpu, bytes);
  }

  // Adds to the leaves (of the rails) behind which a GPU's NICs are, of the leaf group.
  void leaves(Kind kind, std::int64_t group, std::int64_t gpu, double bytes) {
    if (!has_spine_) return;
    leaves(at_[index(kind)], group, gpu, bytes);
  }
  void leaves(double* leaf, std::int64_t group, std::int64_t gpu, double bytes) const {
    const double part = bytes / static_cast<double>(nics_of_gpu_);
    const std::int64_t nic = first_nic(gpu);
    for (std::int64_t i = nic; i < nic + nics_of_gpu_; ++i) leaf[group * rails_ + i % rails_] += part;
  }
  void pods(std::int64_t from, std::int64_t to, double bytes) {
    on(Kind::kSpineUp, from) += bytes;
    on(Kind::kSpineDown, to) += bytes;
    on(Kind::kCore, 0) += bytes;
  }
  // From host to host, on the rails of this GPU.
  void between(std::int64_t from, std::int64_t to, std::int64_t gpu, double bytes) {
    const std::int64_t a = group_of(from), b = group_of(to);
    if (a == b || !has_spine_) return;
    leaves(Kind::kLeafUp, a, gpu, bytes);
    leaves(Kind::kLeafDown, b, gpu, bytes);
    if (pod_of(a) != pod_of(b)) pods(pod_of(a), pod_of(b), bytes);
  }
  double& on(Kind kind, std::int64_t bundle) { return at_[index(kind)][bundle]; }

 private:
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  [[nodiscard]] std::int64_t first_nic(std::int64_t gpu) const { return gpu * nics_ / gpus_; }
  void edge(Kind pcie, Kind nic, std::int64_t host, std::int64_t gpu, double bytes) {
    on(pcie, host * gpus_ + gpu) += bytes;
    const double part = bytes / static_cast<double>(nics_of_gpu_);
    double* first = at_[index(nic)] + host * nics_ + first_nic(gpu);
    for (std::int64_t i = 0; i < nics_of_gpu_; ++i) first[i] += part;
  }

  const Fabric& fabric_;
  std::int64_t gpus_, nics_, rails_, nics_of_gpu_;
  bool has_spine_;
  std::array<double*, kKinds> at_{};
};

// A job's ranks on the fabric: `begin`/`end` of ranks that a host, a leaf group or a pod holds, counted from
// the job's first rank.
struct Job {
  std::int64_t first_host, ranks, gpus;
  [[nodiscard]] std::int64_t host(std::int64_t rank) const { return rank / gpus; }  // the job's own count
  [[nodiscard]] std::int64_t begin_of(std::int64_t fabric_host) const {
    return (fabric_host - first_host) * gpus;
  }
};

// A message by itself, wherever its ends are.
void send(Crossings& crossings, const Job& job, std::int64_t from, std::int64_t to, double bytes) {
  const std::int64_t a = job.first_host + job.host(from), b = job.first_host + job.host(to);
  const std::int64_t source = from % job.gpus, target = to % job.gpus;
  if (a == b) return source == target ? void() : crossings.nvlink(a, source, target, bytes);
  const std::int64_t by = crossings.by_rails() ? target : source;
  if (by != source) crossings.nvlink(a, source, by, bytes);
  crossings.out(a, by, bytes);
  crossings.in(b, target, bytes);
  crossings.between(a, b, target, bytes);
}

void chain(Crossings& crossings, const Job& job, const workload::Traffic& traffic) {
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) {
    const RankGroup group(rank, traffic, job.ranks);
    if (group.place(rank) + 1 < group.size)
      send(crossings, job, rank, rank + group.stride, traffic.bytes_per_rank);
  }
}

// What comes to one member of a ring from the host before its own.
void ring_between_hosts(Crossings& crossings, const Job& job, const RankGroup& group, std::int64_t rank,
                        const Places& here, double bytes) {
  const std::int64_t own = job.host(rank), gpu = rank % job.gpus;
  const std::int64_t before = job.host(group.member(here.begin > 0 ? here.begin - 1 : group.size - 1));
  const std::int64_t a = job.first_host + before, b = job.first_host + own;
  if (!crossings.by_rails()) {
    crossings.out(b, gpu, bytes);  // as much goes on to the host behind it
  } else {
    crossings.out(a, gpu, bytes);
    if (!group.holds(before * job.gpus + gpu)) {
      const Places there = between(group, before * job.gpus, (before + 1) * job.gpus);
      crossings.nvlink_in(a, gpu, bytes);
      for (std::int64_t place = there.begin; place < there.end; ++place)
        crossings.nvlink_out(a, group.member(place) % job.gpus, bytes / static_cast<double>(there.count()));
    }
  }
  crossings.in(b, gpu, bytes);
  crossings.between(a, b, gpu, bytes);
}

void ring(Crossings& crossings, const Job& job, const workload::Traffic& traffic) {
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) {
    const RankGroup group(rank, traffic, job.ranks);
    if (group.size < 2) continue;
    const std::int64_t own = job.host(rank);
    const Places here = between(group, own * job.gpus, (own + 1) * job.gpus);
    // Members lie less than a host apart, or no two on one host: no host is left out between the first and
    // the last.
    const std::int64_t hosts = group.stride >= job.gpus
                                   ? group.size
                                   : job.host(group.member(group.size - 1)) - job.host(group.base) + 1;
    const auto n = static_cast<double>(group.size), m = static_cast<double>(here.count()),
               k = static_cast<double>(hosts);
    if (here.count() > 1) {
      const double bytes = traffic.bytes_per_rank * n * (m - 1) / (m * (n - 1));
      crossings.nvlink(job.first_host + own, rank % job.gpus, rank % job.gpus, bytes);
    }
    if (hosts > 1)
      ring_between_hosts(crossings, job, group, rank, here,
                         traffic.bytes_per_rank * n * (k - 1) / (k * (n - 1)) / m);
  }
}

// All that one rank sends to the others, and what comes to it.
class AllToAll {
 public:
  AllToAll(Crossings& crossings, const Job& job, const workload::Traffic& traffic)
      : crossings_(crossings),
        job_(job),
        traffic_(traffic),
        period_(job.gpus / std::gcd(std::max<std::int64_t>(1, traffic.stride), job.gpus)) {}

  void rank(std::int64_t rank) {
    const RankGroup group(rank, traffic_, job_.ranks);
    if (group.size < 2) return;
    const double each = traffic_.bytes_per_rank / static_cast<double>(group.size - 1);
    const std::int64_t own = job_.host(rank), host = job_.first_host + own, gpu = rank % job_.gpus;
    const Places all{0, group.size};
    const Places here = between(group, own * job_.gpus, (own + 1) * job_.gpus);
    const std::int64_t leaf_group = crossings_.group_of(host), pod = crossings_.pod_of(leaf_group);
    const std::int64_t leaf_hosts = crossings_.fabric().leaf.hosts;
    const Places behind_leaf =
        between(group, job_.begin_of(leaf_group * leaf_hosts), job_.begin_of((leaf_group + 1) * leaf_hosts));
    const auto times = [each](std::int64_t messages) { return each * static_cast<double>(messages); };

    crossings_.nvlink(host, gpu, gpu, times(here.count() - 1));
    const double outside = times(group.size - here.count());
    crossings_.in(host, gpu, outside);
    crossings_.leaves(Kind::kLeafDown, leaf_group, gpu, times(group.size - behind_leaf.count()));
    if (!crossings_.by_rails()) {
      crossings_.out(host, gpu, outside);
      crossings_.leaves(Kind::kLeafUp, leaf_group, gpu, times(group.size - behind_leaf.count()));
    } else {
      // By the place on the host that the receivers have: period_ of them occur, the first at the first
      // members.
      for (std::int64_t place = 0; place < std::min(period_, group.size); ++place) {
        const std::int64_t target = group.member(place) % job_.gpus;
        const std::int64_t receivers = all.count(place, period_);
        const std::int64_t away = receivers - here.count(place, period_);
        if (target != gpu) crossings_.nvlink(host, gpu, target, times(away));
        crossings_.out(host, target, times(away));
        crossings_.leaves(Kind::kLeafUp, leaf_group, target,
                          times(receivers - behind_leaf.count(place, period_)));
      }
    }
    if (!crossings_.fabric().core) return;
    const std::int64_t pod_hosts = crossings_.fabric().spine->groups * leaf_hosts;
    const Places in_pod =
        between(group, job_.begin_of(pod * pod_hosts), job_.begin_of((pod + 1) * pod_hosts));
    crossings_.pods(pod, pod, times(group.size - in_pod.count()));  // as much comes as goes
  }

 private:
  Crossings& crossings_;
  const Job& job_;
  const workload::Traffic& traffic_;
  std::int64_t period_;
};

// To or from servers that are spread evenly over the switches of a tier. `down`: to the hosts.
class StorageTraffic {
 public:
  StorageTraffic(Crossings& crossings, const Job& job, bool down)
      : crossings_(crossings), fabric_(crossings.fabric()), job_(job), down_(down) {}

  void run(double bytes) {
    std::vector<double> leaves(static_cast<std::size_t>(fabric_.leaves()), 0.0);
    for (std::int64_t rank = 0; rank < job_.ranks; ++rank) {
      const std::int64_t host = job_.first_host + job_.host(rank), gpu = rank % job_.gpus;
      down_ ? crossings_.in(host, gpu, bytes) : crossings_.out(host, gpu, bytes);
      crossings_.leaves(leaves.data(), crossings_.group_of(host), gpu, bytes);
    }
    const double total = bytes * static_cast<double>(job_.ranks);
    crossings_.on(down_ ? Kind::kStorageRead : Kind::kStorageWrite, 0) += total;
    crossings_.on(down_ ? Kind::kStorageOut : Kind::kStorageIn, 0) += total;
    if (fabric_.spine) cross_tiers(leaves, total);
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
    std::vector<double> pods(static_cast<std::size_t>(fabric_.pods()), 0.0), shares(pods.size(), 0.0);
    for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
      tier(Kind::kLeafDown, Kind::kLeafUp, static_cast<std::int64_t>(leaf), leaves[leaf], of_leaf, total);
      const auto pod =
          static_cast<std::size_t>(crossings_.pod_of(static_cast<std::int64_t>(leaf) / fabric_.rails));
      pods[pod] += leaves[leaf];
      shares[pod] += of_leaf;
    }
    if (!fabric_.core) return;
    for (std::size_t pod = 0; pod < pods.size(); ++pod) {
      if (attached == Tier::kSpine) shares[pod] = 1 / static_cast<double>(pods.size());
      tier(Kind::kSpineDown, Kind::kSpineUp, static_cast<std::int64_t>(pod), pods[pod], shares[pod], total);
      crossings_.on(Kind::kCore, 0) += pods[pod] * (1 - shares[pod]);
    }
  }

  Crossings& crossings_;
  const Fabric& fabric_;
  const Job& job_;
  bool down_;
};

void local_drives(Crossings& crossings, const Job& job, bool read, double bytes) {
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) {
    const std::int64_t host = job.first_host + job.host(rank);
    crossings.on(read ? Kind::kDriveRead : Kind::kDriveWrite, host) += bytes;
    crossings.on(read ? Kind::kPcieIn : Kind::kPcieOut, host * job.gpus + rank % job.gpus) += bytes;
  }
}

Kinds these(std::initializer_list<Kind> kinds) {
  Kinds all;
  for (const Kind kind : kinds) all.set(static_cast<std::size_t>(kind));
  return all;
}

}  // namespace

Kinds kinds_of(const Fabric& fabric, workload::Pattern pattern) {
  const Kinds tiers = these({Kind::kLeafUp, Kind::kLeafDown, Kind::kSpineUp, Kind::kSpineDown, Kind::kCore});
  const bool shared = fabric.storage.has_value();
  switch (pattern) {
    case workload::Pattern::kRead:
      return shared ? tiers | these({Kind::kPcieIn, Kind::kNicDown, Kind::kStorageRead, Kind::kStorageOut})
                    : these({Kind::kPcieIn, Kind::kDriveRead});
    case workload::Pattern::kWrite:
      return shared ? tiers | these({Kind::kPcieOut, Kind::kNicUp, Kind::kStorageWrite, Kind::kStorageIn})
                    : these({Kind::kPcieOut, Kind::kDriveWrite});
    default:
      return tiers | these({Kind::kNvlinkOut, Kind::kNvlinkIn, Kind::kPcieOut, Kind::kPcieIn, Kind::kNicUp,
                            Kind::kNicDown});
  }
}

void add_loads(const Resources& resources, const workload::Traffic& traffic, const Placement& placement,
               std::span<double> loads) {
  if (traffic.bytes_per_rank <= 0) return;
  Crossings crossings(resources, loads);
  const Job job{placement.first_host, placement.ranks, resources.fabric().gpus_per_host};
  switch (traffic.pattern) {
    case workload::Pattern::kRead:
    case workload::Pattern::kWrite: {
      const bool read = traffic.pattern == workload::Pattern::kRead;
      if (resources.fabric().storage) return StorageTraffic(crossings, job, read).run(traffic.bytes_per_rank);
      return local_drives(crossings, job, read, traffic.bytes_per_rank);
    }
    case workload::Pattern::kRing:
      return ring(crossings, job, traffic);
    case workload::Pattern::kChain:
      return chain(crossings, job, traffic);
    case workload::Pattern::kAllToAll: {
      AllToAll pattern(crossings, job, traffic);
      for (std::int64_t rank = 0; rank < job.ranks; ++rank) pattern.rank(rank);
      return;
    }
  }
}

}  // namespace millrace::fabric
