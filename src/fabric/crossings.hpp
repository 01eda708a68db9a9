// SPDX-License-Identifier: Apache-2.0
// What routing adds bytes to: links by where they are on the fabric.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "fabric/resources.hpp"

namespace millrace::fabric {

// Adds bytes to what one thing crosses; hosts are the fabric's, all of them alike, GPUs those of their host.
class Crossings {
 public:
  Crossings(const Resources& resources, const AlikeHosts& alike, std::span<double> loads)
      : fabric_(resources.fabric()),
        gpus_(alike.gpus),
        nics_(alike.nics),
        gpu_of_host_0_(alike.first_gpu - alike.first_host * alike.gpus),
        nic_of_host_0_(alike.first_nic - alike.first_host * alike.nics),
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
    of_gpu(Kind::kNvlinkOut, host, from) += bytes;
    of_gpu(Kind::kNvlinkIn, host, to) += bytes;
  }
  void nvlink_out(std::int64_t host, std::int64_t gpu, double bytes) {
    of_gpu(Kind::kNvlinkOut, host, gpu) += bytes;
  }
  void nvlink_in(std::int64_t host, std::int64_t gpu, double bytes) {
    of_gpu(Kind::kNvlinkIn, host, gpu) += bytes;
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
  double& of_gpu(Kind kind, std::int64_t host, std::int64_t gpu) {
    return on(kind, gpu_of_host_0_ + host * gpus_ + gpu);
  }
  double& on(Kind kind, std::int64_t bundle) { return at_[index(kind)][bundle]; }

 private:
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }
  [[nodiscard]] std::int64_t first_nic(std::int64_t gpu) const { return gpu * nics_ / gpus_; }
  void edge(Kind pcie, Kind nic, std::int64_t host, std::int64_t gpu, double bytes) {
    of_gpu(pcie, host, gpu) += bytes;
    const double part = bytes / static_cast<double>(nics_of_gpu_);
    double* first = at_[index(nic)] + nic_of_host_0_ + host * nics_ + first_nic(gpu);
    for (std::int64_t i = 0; i < nics_of_gpu_; ++i) first[i] += part;
  }

  const Fabric& fabric_;
  std::int64_t gpus_, nics_;
  std::int64_t gpu_of_host_0_, nic_of_host_0_;  // were all hosts before these alike: may be below zero
  std::int64_t rails_, nics_of_gpu_;
  bool has_spine_;
  std::array<double*, kKinds> at_{};
};

// A job's ranks on the fabric: `begin`/`end` of ranks that a host, a leaf group or a pod holds, counted from
// the job's first rank.
struct JobRanks {
  std::int64_t first_host, ranks, gpus;
  [[nodiscard]] std::int64_t host(std::int64_t rank) const { return rank / gpus; }  // the job's own count
  [[nodiscard]] std::int64_t begin_of(std::int64_t fabric_host) const {
    return (fabric_host - first_host) * gpus;
  }
};

}  // namespace millrace::fabric
