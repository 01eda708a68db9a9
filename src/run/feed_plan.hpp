// SPDX-License-Identifier: Apache-2.0
// Which measurements answer the job's questions, and how they fit its time. What each measurement stands for
// is said by its label and parameters as src/diagnose/conventions.hpp has them.
#pragma once

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "run/catalog.hpp"
#include "run/gpu_plan.hpp"
#include "run/job.hpp"
#include "run/link_plan.hpp"
#include "run/measure.hpp"
#include "topology/discover.hpp"
#include "workload/profile.hpp"

namespace millrace::run {

// All workloads of one model read the same data in the same way, so they share its data set and its
// measurements.
struct ModelPlan {
  std::string model;
  std::vector<workload::Profile> workloads;  // as asked
  std::vector<workload::Profile> scaled;     // the same, as they are run
  double factor = 1;                         // bytes and compute of a step were divided by it
  std::uint64_t data_bytes = 0;              // of the data set that it needs
  std::uint64_t files = 0;
};

// Of the file that the survey makes in each folder: no more than the size cap, or half of what is free,
// allows for all of them. Errors: too little room for any.
Result<std::uint64_t> survey_file_bytes(const Job& job);

// One second on a temporary file tells what the storage delivers, by which all else is dimensioned.
Result<Planned> plan_survey(const Job& job, const Catalog& catalog, const topology::Machine& machine);

// The same of the GPUs' links, one after the other: a slow one holds the pipelines back as slow storage does.
Result<Planned> plan_gpu_survey(const GpuPlan& gpus, const Catalog& catalog,
                                const topology::Machine& machine);
// What `accelerators` in lock-step can be fed over the links as surveyed, bytes/s: the slowest one sets the
// pace. Infinite where the survey told nothing.
double fed_over_links(const record::Measurement& gpu_survey, int accelerators);

// How the time is shared out: a unit is one repeat of a storage measurement.
struct TimePlan {
  double unit_s = 1;
  double alone_weight = 0;  // of one of several folders by itself, in units; 0: there is one
  int proof_repeats = 2;
  bool analyzer_runs =
      false;      // the cached run and the one from the device beside the cold one, of each workload
  int pairs = 0;  // of measurements that run together (pair_plan.hpp)
  std::uint64_t checkpoint_bytes = 0;  // that are written beside; 0: nothing is
};
TimePlan share_time(const Job& job, const std::vector<workload::Profile>& profiles, const GpuPlan& gpus = {},
                    const LinkPlan& link = {});

// Bytes that are free at the job's paths for data that are spread over them evenly: as many times the least
// free one's as there are paths. Errors: there is no such place, or the size cap is larger than that.
Result<std::uint64_t> free_for(const Job& job);

// What all temporary data together may take: --size-cap, or half of what is free. Errors as free_for.
Result<std::uint64_t> size_cap_of(const Job& job);

// Scales the workloads so that at least 30 steps fit a proof at the surveyed rate of the storage, or of the
// links into the GPUs where that is less, and dimensions their data sets by the storage's; at rate 0 these
// are the least that will do. Errors: the size cap or half of the free space is too little for them, or the
// cap is larger than what is free.
Result<std::vector<ModelPlan>> plan_models(
    const Job& job, const std::vector<workload::Profile>& profiles, double surveyed_bytes_per_s,
    const TimePlan& time, double links_bytes_per_s = std::numeric_limits<double>::infinity());

// The measurements, given in which folders each model's data lie: with several, reading from each alone and
// from all together. With GPUs the pipelines end in them, and theirs come last, but for those of the link to
// a peer; what of it this machine or the peer refuses is said in gpus.left_out. Those of `done` (from a
// journal) that are complete are left out.
Result<std::vector<Planned>> plan_measurements(
    const Job& job, const std::vector<ModelPlan>& models,
    const std::map<std::string, std::vector<std::filesystem::path>>& data_of_model, const TimePlan& time,
    const Catalog& catalog, const topology::Machine& machine, GpuPlan& gpus, const LinkPlan& link = {});

}  // namespace millrace::run
