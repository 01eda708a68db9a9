// SPDX-License-Identifier: Apache-2.0
#include "run/repeat_counters.hpp"

#include <fmt/core.h>

#include <cstddef>

namespace millrace::run {

std::map<std::string, double> counters_of_repeat(const InstancePlan& plan, const InstanceOutcome& outcome) {
  std::map<std::string, double> counters;
  for (std::size_t rank = 0; rank < outcome.workers.size(); ++rank) {
    const WorkerOutcome& worker = outcome.workers[rank];
    for (const record::Stage& stage : worker.report.stages) {
      counters[fmt::format("stage:{}:bytes", stage.name)] += static_cast<double>(stage.bytes);
      counters[fmt::format("stage:{}:cpu_s", stage.name)] += stage.cpu_s;
    }
    if (rank >= plan.workers.size()) continue;  // on another host
    counters["worker:bytes"] += static_cast<double>(worker.bytes);
    for (const char* name : {"worker:user_s", "worker:system_s"})
      if (const auto found = worker.report.counters.find(name); found != worker.report.counters.end())
        counters[name] += found->second;
  }
  return counters;
}

}  // namespace millrace::run
