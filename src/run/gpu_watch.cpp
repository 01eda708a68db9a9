// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_watch.hpp"

#include <set>
#include <utility>

namespace millrace::run {

std::vector<std::string> gpus_of(const InstancePlan& plan) {
  std::set<std::string> ids;
  for (const WorkerPlan& worker : plan.workers)
    for (const std::string* ends : {&worker.from, &worker.to})
      for (const std::string& end : topology::ends_of(*ends))
        if (end.starts_with("gpu:")) ids.insert(end);
  return {ids.begin(), ids.end()};
}

GpuReadings readings_of(const GpuReadings& all, const InstancePlan& plan) {
  GpuReadings own{{}, all.problem};
  for (const std::string& gpu : gpus_of(plan))
    if (const auto found = all.by_gpu.find(gpu); found != all.by_gpu.end()) own.by_gpu.insert(*found);
  return own;
}

GpuWatch::GpuWatch(const topology::Machine& machine) {
  if (!machine.host.gpus) return;
  for (const topology::GpuFacts& gpu : *machine.host.gpus)
    if (!gpu.gpu.empty() && !gpu.pci.empty()) pci_[gpu.gpu] = gpu.pci;
}

void GpuWatch::begin(std::span<const InstancePlan> group) {
  std::set<std::string> addresses;
  for (const InstancePlan& plan : group)
    for (const std::string& gpu : gpus_of(plan))
      if (const auto known = pci_.find(gpu); known != pci_.end()) addresses.insert(known->second);
  if (addresses.empty()) return;
  if (auto sampler = topology::nvml::Sampler::start({addresses.begin(), addresses.end()}))
    sampler_.emplace(std::move(*sampler));
}

GpuReadings GpuWatch::end() {
  GpuReadings readings;
  if (!sampler_) return readings;
  auto samples = sampler_->finish();
  sampler_.reset();
  if (!samples) {
    readings.problem = samples.error().what;
    pci_.clear();
    return readings;
  }
  for (const auto& [gpu, address] : pci_)
    for (const topology::nvml::GpuSample& sample : *samples)
      if (sample.pci == address) readings.by_gpu[gpu].push_back(sample);
  return readings;
}

}  // namespace millrace::run
