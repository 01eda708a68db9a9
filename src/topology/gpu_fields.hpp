// SPDX-License-Identifier: Apache-2.0
// The JSON keys of gpu_facts.hpp, for documents, snapshots and what a child process answers. A visitor is
// called with required(key, member) for each key, and with when_known(key, member) where an empty optional
// has no key at all.
#pragma once

#include <concepts>
#include <type_traits>

#include "topology/gpu_facts.hpp"

namespace millrace::topology {

template <typename T, typename U>
concept IsGpuPart = std::same_as<std::remove_const_t<T>, U>;

template <typename V, IsGpuPart<NvLink> T>
void fields(V& v, T& link) {
  v.required("link", link.link);
  v.required("active", link.active);
  v.when_known("bytes_per_s", link.bytes_per_s);
  v.required("remote", link.remote);
  v.required("remote_pci", link.remote_pci);
  v.when_known("errors", link.errors);
}

template <typename V, IsGpuPart<GpuPeer> T>
void fields(V& v, T& peer) {
  v.required("gpu", peer.gpu);
  v.required("read", peer.read);
  v.required("write", peer.write);
  v.required("nvlink", peer.nvlink);
  v.required("nearest", peer.nearest);
}

template <typename V, IsGpuPart<GpuFacts> T>
void fields(V& v, T& gpu) {
  v.required("gpu", gpu.gpu);
  v.required("name", gpu.name);
  v.required("uuid", gpu.uuid);
  v.required("pci", gpu.pci);
  v.required("lost", gpu.lost);
  v.when_known("memory_bytes", gpu.memory_bytes);
  v.when_known("memory_used_bytes", gpu.memory_used_bytes);
  v.when_known("pcie_generation", gpu.pcie_generation);
  v.when_known("pcie_width", gpu.pcie_width);
  v.when_known("pcie_generation_possible", gpu.pcie_generation_possible);
  v.when_known("pcie_width_possible", gpu.pcie_width_possible);
  v.when_known("sm_clock_mhz", gpu.sm_clock_mhz);
  v.when_known("sm_clock_most_mhz", gpu.sm_clock_most_mhz);
  v.when_known("memory_clock_mhz", gpu.memory_clock_mhz);
  v.when_known("memory_clock_most_mhz", gpu.memory_clock_most_mhz);
  v.required("clocks_held_by", gpu.clocks_held_by);
  v.when_known("power_w", gpu.power_w);
  v.when_known("power_limit_w", gpu.power_limit_w);
  v.when_known("temperature_c", gpu.temperature_c);
  v.when_known("slowdown_temperature_c", gpu.slowdown_temperature_c);
  v.when_known("persistence", gpu.persistence);
  v.when_known("ecc", gpu.ecc);
  v.when_known("ecc_corrected", gpu.ecc_corrected);
  v.when_known("ecc_uncorrected", gpu.ecc_uncorrected);
  v.when_known("remapped_rows", gpu.remapped_rows);
  v.when_known("remapping_pending", gpu.remapping_pending);
  v.when_known("remapping_failed", gpu.remapping_failed);
  v.required("nvlinks", gpu.nvlinks);
  v.required("peers", gpu.peers);
}

}  // namespace millrace::topology
