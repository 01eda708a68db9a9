// SPDX-License-Identifier: Apache-2.0
// How often a job saves itself, and what that costs it.
#pragma once

#include <cstdint>

#include "workload/profile.hpp"

namespace millrace::workload {

// Young 1974, "A first order approximation to the optimum checkpoint interval": τ = √(2 δ M) for a save that
// costs δ seconds of the job's time and failures M seconds apart on average.
double young_interval_s(double cost_s, double between_failures_s);

// What a checkpoint's time is spent on, given what carries it. Rates are of one rank, bytes/s.
struct CheckpointPlan {
  double size_bytes = 0;          // of all ranks
  double rank_bytes = 0;          // of one
  double between_failures_s = 0;  // of the job
  double write_s = 0;             // until it is in storage
  double restore_s = 0;           // to read it back
  double blocking_s = 0;          // that the job stands still for it
  double background_s = 0;        // that goes on beside the job
  double interval_s = 0;          // from one to the next
  double lost_blocking = 0;       // shares of the time: standing still,
  double lost_rework = 0;         // work done again after a failure (half an interval on average),
  double lost_restart = 0;        // and starting again with the state read back
  [[nodiscard]] double lost() const { return lost_blocking + lost_rework + lost_restart; }
};

// The interval is the profile's own (interval_s, or every_steps · step_s), else Young's by the time to write
// (reference section 6: δ = size ÷ bandwidth), also where the job itself waits for the snapshot alone: it is
// what the storage is asked for. Never shorter than the write takes, since one checkpoint ends before the
// next begins.
CheckpointPlan plan_checkpoint(const Profile& profile, std::int64_t ranks, double step_s,
                               double write_bytes_per_s, double snapshot_bytes_per_s);

}  // namespace millrace::workload
