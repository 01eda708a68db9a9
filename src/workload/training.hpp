// SPDX-License-Identifier: Apache-2.0
// What a profile says of a language model's training: batch, efficiency, parallel degrees, checkpoints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::workload {

// How a job of at least `ranks_from` ranks is split. One replica is tensor · pipeline · context ranks; the
// rest are data-parallel replicas, and `expert` of these in a row share the experts of a layer among them.
struct Layout {
  std::int64_t ranks_from = 1;
  int tensor = 1, pipeline = 1, context = 1, expert = 1;
};

struct Training {
  std::int64_t sequence_tokens = 0;
  std::int64_t batch_tokens = 0;  // of all ranks in one step
  // Share of the peak that computing reaches while it waits for no traffic (the pipeline's bubble is within
  // it). A published figure of a whole run is lower by the traffic that its steps waited for.
  double mfu = 0.5;
  bool recompute = false;  // activations are computed again in the backward pass: 8 instead of 6 FLOPs
  int zero_stage =
      1;  // 0: gradients all-reduced; 1, 2: reduce-scattered; 3: parameters gathered twice as well
  double gradient_bytes_per_parameter = 2, weight_bytes_per_parameter = 2, activation_bytes = 2;
  double state_bytes_per_parameter = 18;  // weights, gradients, optimizer (reference section 6)
  double input_bytes_per_token = 4;       // as it lies in storage
  std::vector<Layout> layouts;            // by ranks_from, ascending
};

struct Checkpoint {
  double saved_bytes_per_parameter = 14;  // fp16 weights, fp32 weights and moments (reference section 6)
  // Mean time between failures of one GPU and all that it needs; a job of n fails every gpu_mtbf_s ÷ n. Llama
  // 3 405B: 419 interruptions in 54 days on 16,384 GPUs (Grattafiori et al. 2024, section 3.3.4).
  double gpu_mtbf_s = 54.0 * 86400 * 16384 / 419;
  double interval_s = 0;         // 0: by Young's rule
  std::int64_t every_steps = 0;  // instead of an interval; 0: by interval
  bool asynchronous = true;      // the step waits for the copy to host memory alone; else for the storage
  // What storage takes from one GPU, where it was not measured: the interval is chosen by it.
  double write_bytes_per_s = 0;
  double read_bytes_per_s = 0;    // what storage gives one GPU, likewise; 0: as it takes
  double restart_s = 0;           // after a failure, before loading begins: to notice, to start again
  double wanted_restore_s = 600;  // until all ranks have their state back
  std::string source;
};

}  // namespace millrace::workload
