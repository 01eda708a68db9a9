// SPDX-License-Identifier: Apache-2.0
// Several jobs on one fabric.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "diagnose/fabric/pace.hpp"

namespace millrace::diagnose {

struct SharedPace {
  Pace own;           // as if the job were alone
  double step_s = 0;  // with the others there
  std::optional<std::uint32_t>
      held_by;  // the class that the others' traffic fills; null: it goes at its own pace
  [[nodiscard]] double utilization() const { return step_s > 0 ? own.compute_s / step_s : 1; }
};

// Of each job, given what a link of each class carries. Progressive filling, each job's rate counted in parts
// of the pace that it has alone: steps of different jobs differ in size, and none is slowed down more than
// another where both want the same.
std::vector<SharedPace> share(const fabric::Resources& resources, const std::vector<JobLoad>& jobs,
                              std::span<const double> class_rates);

// The rates of a job's own classes out of those of all.
ClassRates rates_of(const JobLoad& job, std::span<const double> class_rates);

}  // namespace millrace::diagnose
