// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "topology/nvml/throttling.hpp"
#include "units/quantity.hpp"

namespace millrace::run {
namespace {

constexpr std::string_view kThrottled = ":throttled:";
constexpr double kSlow = 0.95;  // GPUs of one model differ by less than 1 %

struct Worst {
  const record::Measurement* measurement = nullptr;
  double seconds = 0;
  std::vector<std::string> reasons;
};

// By GPU: "gpu:0:throttled:sw_thermal_s" of the counters.
std::map<std::string, Worst> throttled_in(const record::Measurement& m) {
  std::map<std::string, Worst> gpus;
  for (const auto& [name, value] : m.counters) {
    const std::size_t at = name.find(kThrottled);
    if (at == std::string::npos || value <= 0) continue;
    const std::string reason = name.substr(at + kThrottled.size(), name.size() - at - kThrottled.size() - 2);
    Worst& worst = gpus[name.substr(0, at)];
    worst.measurement = &m;
    worst.seconds = std::max(worst.seconds, value);
    worst.reasons.push_back(fmt::format("{} for {}", topology::nvml::words_for_people(reason),
                                        to_text(Duration::from_seconds(value))));
  }
  return gpus;
}

// "gpu:3" of "gpu3_memory_bytes_per_s", what gpu.memory names its rates; empty: it is none of them.
std::string gpu_of_rate(std::string_view metric) {
  constexpr std::string_view kBefore = "gpu", kBehind = "_memory_bytes_per_s";
  if (!metric.starts_with(kBefore) || !metric.ends_with(kBehind)) return {};
  return fmt::format("gpu:{}",
                     metric.substr(kBefore.size(), metric.size() - kBefore.size() - kBehind.size()));
}

// By model, the median rate of each GPU. The model is what the topology calls it.
std::map<std::string, std::map<std::string, double>> rates_by_model(const record::Measurement& m,
                                                                    const topology::Topology& graph) {
  std::map<std::string, std::map<std::string, double>> models;
  for (const auto& [name, metric] : m.metrics)
    if (const std::string gpu = gpu_of_rate(name); !gpu.empty()) {
      const topology::Endpoint* endpoint = topology::find_endpoint(graph, gpu);
      models[endpoint == nullptr ? "" : endpoint->name][gpu] = metric.p50;
    }
  return models;
}

void find_slow(const record::Measurement& m, const topology::Topology& graph,
               std::vector<topology::Finding>& found) {
  if (m.probe != "gpu.memory" || m.status != "ok") return;
  for (const auto& [model, rates] : rates_by_model(m, graph)) {
    std::vector<double> sorted;
    for (const auto& [gpu, rate] : rates) sorted.push_back(rate);
    std::sort(sorted.begin(), sorted.end());
    const double usual = sorted[sorted.size() / 2];  // of two, the faster
    for (const auto& [gpu, rate] : rates)
      if (rate < kSlow * usual)
        found.push_back(
            {"gpu-slow", "warning", gpu,
             fmt::format("{} moves {} in its own memory where {} others of its model move {} ({}): {:.0f} %",
                         gpu, to_text(BytesPerSecond{rate}), rates.size() - 1, to_text(BytesPerSecond{usual}),
                         m.id, 100 * rate / usual),
             "compare `nvidia-smi -q -d CLOCK,PERFORMANCE,ECC,ROW_REMAPPER` of it and another, and look for "
             "a "
             "process that uses it (`nvidia-smi`); all GPUs of a job go at the pace of the slowest"});
  }
}

}  // namespace

std::vector<topology::Finding> findings_of_gpus(const record::Document& document) {
  const std::vector<record::Measurement>& measurements = document.measurements;
  std::map<std::string, Worst> all;
  for (const record::Measurement& m : measurements)
    for (auto& [gpu, worst] : throttled_in(m))
      if (all[gpu].seconds < worst.seconds) all[gpu] = std::move(worst);
  std::vector<topology::Finding> found;
  for (const auto& [gpu, worst] : all)
    found.push_back(
        {"gpu-throttled", "warning", gpu,
         fmt::format("{} was held down while {} ({}) took {}: {}", gpu, worst.measurement->probe,
                     worst.measurement->id, to_text(Duration::from_seconds(worst.measurement->duration_s)),
                     fmt::join(worst.reasons, "; ")),
         "look at `nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER`, at fans and air flow, at the power "
         "limit and the power supplies"});
  for (const record::Measurement& m : measurements) find_slow(m, document.topology, found);
  return found;
}

}  // namespace millrace::run
