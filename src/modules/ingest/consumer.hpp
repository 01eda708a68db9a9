// SPDX-License-Identifier: Apache-2.0
// The consumer: takes a batch, computes for the workload's time, and goes on to the next step when all
// accelerators have ended theirs, as data-parallel training does with its gradients.
#pragma once

#include <cstdint>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/ingest/plumbing.hpp"
#include "modules/ingest/settings.hpp"
#include "modules/ingest/stage_times.hpp"

namespace millrace::ingest {

class Consumer {
 public:
  Consumer(const Settings& settings, Plumbing& plumbing, sdk::Memory memory)
      : settings_(settings), plumbing_(plumbing), memory_(memory) {}

  // Until the steps are done, the host says stop, or a stage or another rank fails. To be called on the
  // thread that the core called, since ranks agree here on when to stop.
  sdk::Outcome run(sdk::Host& host);

  // To the host: step_s and oversleep_s of every step but the first, and accelerator_utilization_share, which
  // is the compute time asked for (not what the wait for it took) over the time that these steps took: the
  // formula of MLPerf Storage (DLIO's AU = compute ÷ total, without the first step).
  void report(sdk::Host& host) const;
  [[nodiscard]] const StageTimes& times() const { return times_; }

 private:
  enum class Got { kBatch, kCancelled, kEnded };
  Got take(sdk::Host& host, sdk::Recorder& recorder, DeviceBatch& batch);

  const Settings& settings_;
  Plumbing& plumbing_;
  sdk::Memory memory_;
  StageClock clock_;
  StageTimes times_;
  std::vector<std::int64_t> steps_ns_, overslept_ns_;  // of every step that was finished
};

}  // namespace millrace::ingest
