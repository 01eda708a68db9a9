// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_record.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "run/flags.hpp"
#include "stats/summary.hpp"

namespace millrace::run {
namespace {

constexpr std::string_view kEnergy = ":energy_j";  // how a GPU's counter ends

void set_energy(const InstancePlan& plan, std::span<const GpuSummary> repeats, record::Measurement& m) {
  std::set<std::string> unknown;  // GPUs whose energy is
  for (const std::string& gpu : gpus_of(plan)) unknown.insert(gpu);
  for (const RemoteWorker& worker : plan.elsewhere)
    for (const std::string* ends : {&worker.plan.from, &worker.plan.to})
      for (const std::string& end : topology::ends_of(*ends))
        if (end.find("/gpu:") != std::string::npos) unknown.insert(end);
  const std::size_t gpus = unknown.size();
  double energy = 0;
  for (const auto& [name, value] : m.counters) {
    if (!name.ends_with(kEnergy)) continue;
    energy += value;
    unknown.erase(name.substr(0, name.size() - kEnergy.size()));
  }
  const auto counts_energy = [&](const GpuSummary& summary) {
    return static_cast<std::size_t>(std::count_if(
               summary.counters.begin(), summary.counters.end(),
               [](const auto& counter) { return counter.first.ends_with(kEnergy); })) == gpus_of(plan).size();
  };
  if (gpus > 0 && unknown.empty() && std::all_of(repeats.begin(), repeats.end(), counts_energy))
    m.energy_j = energy;
}

}  // namespace

void record_gpus(const InstancePlan& plan, std::span<const GpuSummary> repeats, record::Measurement& m) {
  std::map<std::string, std::vector<double>> samples;
  for (const GpuSummary& summary : repeats) {
    for (const auto& [name, value] : summary.counters) m.counters[name] += value;
    for (const auto& [name, values] : summary.metrics)
      samples[name].insert(samples[name].end(), values.begin(), values.end());
    for (const std::string& flag : summary.flags) add_flag(m, flag);
  }
  for (const auto& [name, values] : samples)
    if (const auto s = stats::summarize(values))
      m.metrics[name] = {s->count, s->mean, s->min, s->p5, s->p50, s->p95, s->max};
  for (const auto& [name, value] : m.counters)
    if (name.find(":throttled:") != std::string::npos) add_flag(m, "throttled");
  set_energy(plan, repeats, m);
}

}  // namespace millrace::run
