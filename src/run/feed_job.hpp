// SPDX-License-Identifier: Apache-2.0
// The main job's measuring: survey the storage, make the data sets, measure every hop alone and the pipelines
// for real, and leave nothing behind.
#pragma once

#include <functional>
#include <vector>

#include "record/journal.hpp"
#include "record/result.hpp"
#include "run/catalog.hpp"
#include "run/feed_plan.hpp"
#include "run/job.hpp"
#include "run/peer/turns.hpp"
#include "topology/discover.hpp"

namespace millrace::run {

struct JobCallbacks {
  std::function<void(const std::string& doing)> stage;            // "making the data set of unet3d: 512 MB"
  std::function<void(int measurements, Duration whole)> planned;  // how much there is to do
  std::function<void(const record::Measurement&, bool last)>
      measured;  // after each repeat; last: it is final
  std::function<void(const std::string& doing, Duration elapsed, double bytes_per_s)> progress;
  std::function<void(int level, const std::string& line)> log;
  std::function<bool()> interrupted;
};

struct JobOutcome {
  std::vector<record::Measurement> measurements;  // the survey first
  std::vector<ModelPlan> models;                  // how workloads were scaled
  bool interrupted = false;
};

// `done`: complete measurements of an earlier go at the same job, which are not taken again. The journal gets
// every measurement after each of its repeats (the last record of an id counts) and every temporary before it
// is made. `link`: the session with the peer to which the link is measured as well. A peer that is lost on
// the way costs what was still to be measured with it, each with the reason.
Result<JobOutcome> run_job(const Job& job, const std::vector<workload::Profile>& profiles,
                           const Catalog& catalog, const topology::Machine& machine,
                           const std::vector<record::Measurement>& done, record::Journal& journal,
                           const JobCallbacks& callbacks, peer::Turns* link = nullptr);

}  // namespace millrace::run
