// SPDX-License-Identifier: Apache-2.0
// Runs a list of measurements: repeats by fresh workers, interleaved, so that drift does not pose as a
// difference.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "run/launch.hpp"
#include "run/temporaries.hpp"
#include "topology/discover.hpp"
#include "units/result.hpp"

namespace millrace::run {

struct Planned {
  std::string id, label;
  InstancePlan plan;
  LaunchOptions options;
  int repeats = 3;
  // Neighbours in the list with the same number other than 0 run together, by the first one's options and
  // repeats.
  int together = 0;
};

struct MeasureCallbacks {
  std::function<Result<void>(const std::filesystem::path&)> temporary_added;  // journals it; may refuse
  std::function<void(const record::Measurement&, bool last)>
      measured;  // after each repeat; last: it is final
  std::function<void(const std::string& doing, Duration elapsed, double bytes_per_s)> progress;
  std::function<void(int level, const std::string& line)> log;
  std::function<bool()> interrupted;
};

// Plans one measurement: reads parameters, asks the probe for its workers, checks memory. Nothing is started.
// Errors are the user's; a probe that crashes, hangs or is unavailable gives a plan whose outcome is known.
Result<InstancePlan> plan_instance(const ProbeEntry& entry,
                                   const std::vector<std::pair<std::string, std::string>>& given,
                                   const topology::Machine& machine, Duration answer_time = kDescribeTime,
                                   const HostGroup& hosts = {});

// The memories that ready modules offer.
std::vector<MemoryModule> memories_of(const Catalog& catalog);

// The measurements in order of `plan`, as far as they got: an interruption ends the list early (the one under
// way is "failed: interrupted" when no repeat of it was complete).
std::vector<record::Measurement> measure(const std::vector<Planned>& plan,
                                         const std::vector<MemoryModule>& memories,
                                         const topology::Machine& machine, const MeasureCallbacks& callbacks);

}  // namespace millrace::run
