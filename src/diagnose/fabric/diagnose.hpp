// SPDX-License-Identifier: Apache-2.0
// workload × fabric → what binds, how much is lost, what comes next. From the fabric's description alone:
// limits, and what was measured of it where overrides say so.
#pragma once

#include <optional>
#include <vector>

#include "fabric/fabric.hpp"
#include "record/result.hpp"
#include "units/result.hpp"
#include "workload/profile.hpp"
#include "workload/traffic.hpp"

namespace millrace::diagnose {

// One job whose step is given.
struct FabricJob {
  std::string workload, model, accelerator;
  double utilization_wanted = 0.9;
  // Of a job that is judged by its time (loading weights or a checkpoint), instead of the utilization:
  // seconds.
  std::optional<double> wanted_s;
  // Of one that answers requests: its profile. A step is then the time from one request to the next of a
  // replica, and the latency budget is judged as well.
  std::optional<workload::Profile> served;
  std::vector<std::string> notes;  // what was changed to make it fit
  workload::Step step;
  std::int64_t first_host = 0;  // it has this one and those behind it that its ranks fill
};

// A diagnosis of each, all at work at the same time. From limits alone "fed" is never said: limits promise
// nothing. Of what they share, each job gets an even part of the pace that it would have alone
// (fabric/share.hpp).
std::vector<record::Diagnosis> diagnose(const fabric::Fabric& fabric, const std::vector<FabricJob>& jobs);

// What a profile asks as jobs on this fabric: one, or of a mix all of its, on neighbouring hosts that are
// alike in their numbers of GPUs and NICs; of several such neighbourhoods the first in which a job finds
// room. `accelerators`: 0 is all that the fabric has, of one job those of the largest neighbourhood. Fails
// where they do not fit the fabric, or not the workload.
Result<std::vector<FabricJob>> jobs_on(const fabric::Fabric& fabric, const workload::Profile& profile,
                                       std::int64_t accelerators, std::optional<double> utilization_wanted);

}  // namespace millrace::diagnose
