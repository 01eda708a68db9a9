// SPDX-License-Identifier: Apache-2.0
// One reading of one GPU.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::topology::nvml {

struct GpuSample {
  std::string pci;
  std::int64_t at_ns = 0;  // CLOCK_MONOTONIC
  std::string lost;        // why there is nothing to read; empty: there is
  std::optional<double> sm_clock_mhz, memory_clock_mhz, power_w, temperature_c;
  std::optional<double> energy_j;  // used since the driver was loaded
  std::optional<double> pcie_generation, pcie_width;
  std::vector<std::string> clocks_held_by;  // as GpuFacts has it
  bool operator==(const GpuSample&) const = default;
};

std::string to_text(const std::vector<GpuSample>& samples);
std::vector<GpuSample> samples_from_text(std::string_view text);  // empty: it is no such text

}  // namespace millrace::topology::nvml
