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

}  // namespace

std::vector<topology::Finding> findings_of_gpus(const std::vector<record::Measurement>& measurements) {
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
  return found;
}

}  // namespace millrace::run
