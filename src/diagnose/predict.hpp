// SPDX-License-Identifier: Apache-2.0
// How long a step takes, given what the hops carry: a small simulation of the pipeline.
#pragma once

#include <cstdint>
#include <vector>

#include "workload/profile.hpp"

namespace millrace::diagnose {

// One job: data-parallel accelerators in lock-step, each with its own pipeline of stages behind what they
// share.
struct Job {
  workload::Profile profile;
  int accelerators = 1;
  int steps = 0;  // 0: as many as show its steady pace
};

struct Rates {              // bytes/s; infinity: no bound
  double shared = 0;        // the slowest of what all accelerators share
  std::vector<double> own;  // stage after stage, of one accelerator
};

// Record sizes of one job, drawn once with a fixed seed (normal, cut at a tenth of the mean; their mean is
// brought to the profile's, so that a finite draw does not shift the demand), so that predictions with
// different rates differ by the rates alone. In data-parallel lock-step every accelerator takes its batch,
// computes and waits for the last one.
class Simulation {
 public:
  explicit Simulation(const Job& job);

  // Tandem servers with a finite buffer: for chunk c of a batch, finish(stage, c) = max(finish(stage − 1, c),
  // finish(stage, c − 1)) + bytes ÷ rate (Lindley's recursion for queues in series); what is shared serves
  // the accelerators in turn. Reading batch k starts no sooner than the accelerators take batch k − prefetch.
  // A step starts when every accelerator has its batch and has computed the last one. The mean step in
  // seconds, by the reference's rule (reference.md section 6): the first step, which waits for the pipeline
  // to fill, is left out.
  [[nodiscard]] double mean_step_s(const Rates& rates) const;
  // compute ÷ mean step.
  [[nodiscard]] double utilization(const Rates& rates) const { return compute_s_ / mean_step_s(rates); }

  // More accelerators than this are simulated as this many, each with the share of what is shared that it
  // would have.
  static constexpr int kMostSimulated = 64;

 private:
  double compute_s_;
  std::size_t accelerators_, steps_, chunks_, prefetch_;
  double shared_share_;        // part of what is shared that the simulated accelerators have
  std::vector<double> bytes_;  // [step][chunk][accelerator]
};

}  // namespace millrace::diagnose
