// SPDX-License-Identifier: Apache-2.0
// What a profile's job asks in one step, on a given number of ranks (accelerators).
#pragma once

#include <cstdint>

#include "units/result.hpp"
#include "workload/profile.hpp"
#include "workload/traffic.hpp"

namespace millrace::workload {

// How a training job's ranks are split, and what falls to each.
struct Split {
  Layout layout;
  std::int64_t data = 1;       // replicas
  double batch_tokens = 0;     // of all ranks: the profile's, brought to whole sequences per replica
  double replica_tokens = 0;   // of one replica and step
  double rank_parameters = 0;  // that lie on one rank, before ZeRO shards them
  double compute_s = 0;        // of one step
};

// The last layout whose ranks_from the ranks reach, else the first.
const Layout& layout_for(const Training& training, std::int64_t ranks);

// Pre-training and fine-tuning. The layout is the last one whose ranks_from the ranks reach. Ranks are
// numbered tensor first, then context, expert, pipeline, and data last (Llama 3's order, with experts near
// each other), so that what talks most sits closest. The batch grows to one whole sequence per replica at
// least, and to as many for each. Fails, with the counts that fit, where ranks are too few for the state of
// the model, or a replica does not divide them.
Result<Split> split_of(const Profile& profile, std::int64_t ranks);

// One step of the job on `ranks` accelerators. Of training input a step of each accelerator; of
// language-model training a step of all; of a checkpoint the time from one to the next; of a restore or a
// cold start the loading of all weights once; of serving the time between two requests to a replica.
// Tensor-parallel traffic is waited for; all other overlaps compute: gradients, pipeline, context, and the
// experts' too, which is hidden behind another micro-batch's compute (DeepSeek-V3's DualPipe, Kimi K2's
// interleaved 1F1B).
// Fails as split_of does, and for a mix, which is several jobs (see jobs_of in mix.hpp).
Result<Step> step_of(const Profile& profile, std::int64_t ranks);

}  // namespace millrace::workload
