// SPDX-License-Identifier: Apache-2.0
// What one step of a job moves, in terms that need no machine: ranks, groups of ranks, bytes. Where the ranks
// sit and what the bytes cross on the way is the fabric's to say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::workload {

enum class Pattern {
  kRead,      // from the storage that the job's data lie on, into the rank's device
  kWrite,     // from the rank's device to that storage
  kRing,      // each member of a group sends to the next one (ring all-reduce, all-gather, reduce-scatter)
  kAllToAll,  // each member of a group sends an equal part to every other one
  kChain,  // neighbours exchange: each member sends to the next one and gets as much back (pipeline stages:
           // activations forward, their gradients backward); the last one has no next
};

// Whose time is lost when this traffic is what a step waits for (record::Diagnosis::lost_*).
enum class Purpose { kInput, kCollective, kCheckpoint };

struct Traffic {
  std::string name;  // for people: "data-parallel gradients (reduce-scatter and all-gather)"
  Pattern pattern = Pattern::kRead;
  Purpose purpose = Purpose::kInput;
  // What one rank sends (kRead: receives; kChain: sends forward) in one step, on average over steps.
  double bytes_per_rank = 0;
  // Of a pattern among ranks: members of a group are `stride` ranks apart, `group` of them. Ranks are
  // numbered host after host, GPU after GPU.
  std::int64_t group = 1, stride = 1;
  bool overlaps = true;  // hidden behind compute where there is time; else the step waits for it
};

// One step of one job. Its time without any waiting is compute_s; traffic that overlaps takes the longest of
// the two, what does not is added (design: "How a diagnosis is reached", 3).
struct Step {
  double compute_s = 0;
  std::int64_t ranks = 1;
  std::vector<Traffic> traffic;
};

}  // namespace millrace::workload
