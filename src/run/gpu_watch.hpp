// SPDX-License-Identifier: Apache-2.0
// Reads the GPUs that a measurement uses while it runs, by NVML in a child process: modules need not do it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "run/launch.hpp"
#include "topology/discover.hpp"
#include "topology/nvml/sampler.hpp"

namespace millrace::run {

struct GpuReadings {
  std::map<std::string, std::vector<topology::nvml::GpuSample>> by_gpu;  // endpoint id -> in order of time
  std::string problem;  // why they ended early: NVML hung or crashed; empty: they did not
};

class GpuWatch {
 public:
  // Watches nothing on a machine of which NVML told nothing, and nothing more once NVML hung: that would cost
  // each repeat seconds.
  explicit GpuWatch(const topology::Machine& machine);

  // Around one repeat of measurements that run together. The caller is single-threaded.
  void begin(std::span<const InstancePlan> group);
  GpuReadings end();

 private:
  std::map<std::string, std::string> pci_;  // endpoint id of a GPU that NVML knows -> PCI address
  std::optional<topology::nvml::Sampler> sampler_;
};

// The GPUs that a measurement's workers of this host start or end at: endpoint ids.
std::vector<std::string> gpus_of(const InstancePlan& plan);
// Of the readings of a group, those of one of its measurements.
GpuReadings readings_of(const GpuReadings& all, const InstancePlan& plan);

}  // namespace millrace::run
