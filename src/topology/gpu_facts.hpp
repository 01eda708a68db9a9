// SPDX-License-Identifier: Apache-2.0
// What the vendor's management library (NVML) tells of a GPU, as hosts[].gpus[] of the documents have it.
// Null is "not told": an older driver, a virtual machine, a board without it. Clocks are in MHz, power in
// watts, temperatures in degrees Celsius, rates in bytes per second and of one direction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::topology {

struct NvLink {
  int link = 0;                         // its number on this GPU
  bool active = false;                  // trained and usable
  std::optional<double> bytes_per_s;    // signalled rate, one direction
  std::string remote;                   // "switch" | "gpu" | "cpu", or empty: not told
  std::string remote_pci;               // of its other end; empty: not told
  std::optional<std::uint64_t> errors;  // replays, recoveries and CRC errors since the driver was loaded
  bool operator==(const NvLink&) const = default;
};

// How this GPU reaches another one.
struct GpuPeer {
  std::string gpu;      // "gpu:1"
  std::string read;     // "ok", or why peer reads are not possible: "chipset not supported"
  std::string write;    // the same of peer writes
  bool nvlink = false;  // over NVLink
  std::string nearest;  // "PCIe switch" | "PCIe switches" | "host bridge" | "NUMA node" | "system" | "board"
  bool operator==(const GpuPeer&) const = default;
};

struct GpuFacts {
  std::string gpu;  // the endpoint's id: "gpu:0"
  std::string name, uuid, pci;
  std::string lost;  // why NVML does not reach it any more; empty: it does
  std::optional<std::uint64_t> memory_bytes, memory_used_bytes;
  std::optional<int> pcie_generation, pcie_width;                    // as of now: idle links train down
  std::optional<int> pcie_generation_possible, pcie_width_possible;  // of the GPU in this slot
  std::optional<int> sm_clock_mhz, sm_clock_most_mhz, memory_clock_mhz, memory_clock_most_mhz;
  std::vector<std::string>
      clocks_held_by;  // what holds its clocks down now: "sw_thermal", "sw_power_cap", "idle"
  std::optional<double> power_w, power_limit_w, temperature_c, slowdown_temperature_c;
  std::optional<bool> persistence, ecc;
  std::optional<std::uint64_t> ecc_corrected, ecc_uncorrected;  // memory errors since the driver was loaded
  std::optional<int> remapped_rows;                             // of memory, for errors of either kind
  std::optional<bool> remapping_pending, remapping_failed;
  std::vector<NvLink> nvlinks;  // those that the board has, down ones included
  std::vector<GpuPeer> peers;
  bool operator==(const GpuFacts&) const = default;
};

}  // namespace millrace::topology
