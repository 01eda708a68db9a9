// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_summary.hpp"

#include <algorithm>

#include "topology/nvml/throttling.hpp"

namespace millrace::run {
namespace {

using topology::nvml::GpuSample;

void add_flag(GpuSummary& summary, const std::string& flag) {
  if (std::find(summary.flags.begin(), summary.flags.end(), flag) == summary.flags.end())
    summary.flags.push_back(flag);
}

void add_metrics(const std::string& prefix, const GpuSample& sample, GpuSummary& summary) {
  const auto add = [&](const char* name, const std::optional<double>& figure) {
    if (figure) summary.metrics[prefix + name].push_back(*figure);
  };
  add("sm_clock_mhz", sample.sm_clock_mhz);
  add("memory_clock_mhz", sample.memory_clock_mhz);
  add("power_w", sample.power_w);
  add("temperature_c", sample.temperature_c);
}

bool holds(const GpuSample& sample, const std::string& reason) {
  return std::find(sample.clocks_held_by.begin(), sample.clocks_held_by.end(), reason) !=
         sample.clocks_held_by.end();
}

// A reading stands until the next one.
void add_throttling(const std::string& prefix, const std::vector<GpuSample>& samples, std::int64_t begin_ns,
                    std::int64_t end_ns, GpuSummary& summary) {
  std::map<std::string, std::pair<std::int64_t, int>> held;  // reason -> ns, readings
  for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
    const std::int64_t from = std::max(samples[i].at_ns, begin_ns);
    const std::int64_t to = std::min(samples[i + 1].at_ns, end_ns);
    if (to <= from) continue;
    for (const std::string& reason : samples[i].clocks_held_by) {
      if (!topology::nvml::is_throttling(reason)) continue;
      auto& [ns, readings] = held[reason];
      ns += to - from;
      readings += 1 + (holds(samples[i + 1], reason) ? 1 : 0);
    }
  }
  for (const auto& [reason, all] : held) {
    if (reason == "hw_slowdown" && held.size() == 1 && all.second < 2) continue;
    summary.counters[prefix + "throttled:" + reason + "_s"] = static_cast<double>(all.first) * 1e-9;
    add_flag(summary, "throttled");
  }
}

void summarize_gpu(const topology::GpuFacts& facts, const std::vector<GpuSample>& samples,
                   std::int64_t begin_ns, std::int64_t end_ns, GpuSummary& summary) {
  if (samples.empty() || end_ns <= begin_ns) return;
  const std::string prefix = facts.gpu + ":";
  const auto from = std::find_if(samples.begin(), samples.end(),
                                 [&](const GpuSample& sample) { return sample.at_ns >= begin_ns; });
  const auto to =
      std::find_if(from, samples.end(), [&](const GpuSample& sample) { return sample.at_ns > end_ns; });
  if (from != samples.begin()) add_metrics(prefix + "before:", *std::prev(from), summary);
  if (to != samples.end()) add_metrics(prefix + "after:", *to, summary);
  double generation = 0;
  double width = 0;
  for (auto sample = from; sample != to; ++sample) {
    add_metrics(prefix, *sample, summary);
    generation = std::max(generation, sample->pcie_generation.value_or(0));
    width = std::max(width, sample->pcie_width.value_or(0));
  }
  for (const GpuSample& sample : samples)
    if (!sample.lost.empty()) add_flag(summary, "gpu-lost");
  add_throttling(prefix, samples, begin_ns, end_ns, summary);
  const bool slow = generation > 0 && generation < facts.pcie_generation_possible.value_or(0);
  const bool narrow = width > 0 && width < facts.pcie_width_possible.value_or(0);
  if (slow || narrow) add_flag(summary, "pcie-link-below-maximum");
  const auto at_begin = energy_at(samples, begin_ns);
  const auto at_end = energy_at(samples, end_ns);
  if (at_begin && at_end) summary.counters[prefix + "energy_j"] = *at_end - *at_begin;
}

}  // namespace

std::optional<double> energy_at(const std::vector<GpuSample>& samples, std::int64_t at_ns) {
  for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
    const GpuSample& before = samples[i];
    const GpuSample& after = samples[i + 1];
    if (at_ns < before.at_ns || at_ns > after.at_ns) continue;
    if (!before.energy_j || !after.energy_j) return std::nullopt;
    if (after.at_ns == before.at_ns) return before.energy_j;
    const double share =
        static_cast<double>(at_ns - before.at_ns) / static_cast<double>(after.at_ns - before.at_ns);
    return *before.energy_j + share * (*after.energy_j - *before.energy_j);
  }
  return std::nullopt;
}

GpuSummary summarize_gpus(const GpuReadings& readings, const topology::HostFacts& host, std::int64_t begin_ns,
                          std::int64_t end_ns) {
  GpuSummary summary;
  if (!host.gpus) return summary;
  for (const topology::GpuFacts& facts : *host.gpus)
    if (const auto samples = readings.by_gpu.find(facts.gpu); samples != readings.by_gpu.end())
      summarize_gpu(facts, samples->second, begin_ns, end_ns, summary);
  return summary;
}

}  // namespace millrace::run
