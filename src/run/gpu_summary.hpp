// SPDX-License-Identifier: Apache-2.0
// What the readings of GPUs say of the repeat that they were taken around.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "run/gpu_watch.hpp"
#include "topology/discover.hpp"
#include "topology/nvml/gpu_sample.hpp"

namespace millrace::run {

struct GpuSummary {
  // "gpu:0:energy_j" (used from begin to end), "gpu:0:throttled:sw_thermal_s" (how long its clocks were held
  // down for that reason). No energy where NVML does not count it, or was not read both before and after.
  std::map<std::string, double> counters;
  // Readings from begin to end: "gpu:0:sm_clock_mhz", "…memory_clock_mhz", "…power_w", "…temperature_c"; the
  // last one before, "gpu:0:before:sm_clock_mhz", and the first one after, "gpu:0:after:sm_clock_mhz", and so
  // on.
  std::map<std::string, std::vector<double>> metrics;
  std::vector<std::string> flags;  // "throttled", "pcie-link-below-maximum", "gpu-lost"
};

// From begin to end, in ns of CLOCK_MONOTONIC, when the workers ran. A lone hw_slowdown is reported also
// while clocks change (nvml.h), and counts when it stayed.
GpuSummary summarize_gpus(const GpuReadings& readings, const topology::HostFacts& host, std::int64_t begin_ns,
                          std::int64_t end_ns);

// The energy counter at a moment, between the readings before and after it; null outside of them.
std::optional<double> energy_at(const std::vector<topology::nvml::GpuSample>& samples, std::int64_t at_ns);

}  // namespace millrace::run
