// SPDX-License-Identifier: Apache-2.0
// From what the workers of all repeats recorded to one measurement of the result document.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "record/result.hpp"
#include "run/gpu_watch.hpp"
#include "run/launch.hpp"
#include "topology/discover.hpp"

namespace millrace::run {

struct RepeatOutcome {
  InstanceOutcome outcome;
  std::map<std::string, double> system_counters;  // what the kernel counted meanwhile
  // In which all measurements of its group ran; rates of things that ran together are counted in it alone.
  std::optional<std::pair<std::int64_t, std::int64_t>> window_ns = std::nullopt;
  GpuReadings gpus = {};  // of the GPUs that it used
};

// The mean is over repeats where there are several, else within the one, by batch means after the warm-up
// cut. Latencies are those after the cut, to within an epoch. A repeat that failed makes the measurement
// "failed", with the figures of those that did not. What cannot be (nothing recorded, time that runs
// backwards, data that differ) is a failure too.
record::Measurement assemble(const std::string& id, const std::string& label, const InstancePlan& plan,
                             const topology::Machine& machine, std::span<const RepeatOutcome> repeats);

}  // namespace millrace::run
