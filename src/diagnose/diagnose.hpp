// SPDX-License-Identifier: Apache-2.0
// workload × topology × measurements → what binds, how much is lost, what comes next.
// Works from a document alone: no clock, no file system, no hardware.
#pragma once

#include <optional>

#include "record/result.hpp"
#include "units/result.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

struct Question {
  workload::Profile profile;
  int accelerators = 1;
  std::optional<double> utilization_wanted;  // instead of the profile's
};

// Which measurements of the document answer for which hop: see conventions.hpp. Where nothing was measured,
// limits stand in and `notes` says so; where neither is known the hop is left out and `notes` says so; with
// nothing to go on at all the verdict is "inconclusive" and `undecided` names the measurement that would
// decide.
record::Diagnosis diagnose(const record::Document& document, const Question& question);

}  // namespace millrace::diagnose
