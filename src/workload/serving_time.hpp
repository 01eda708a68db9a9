// SPDX-License-Identifier: Apache-2.0
// What an answer and a cold start cost, by arithmetic alone (reference section 8).
#pragma once

#include "workload/profile.hpp"

namespace millrace::workload {

// One request to one replica. Attention's own FLOPs, which grow with the square of the context, are
// left out; what the GPUs of a replica send each other is within the MFU.
struct RequestCost {
  double kv_bytes_per_token = 0;
  double new_tokens = 0;      // that have to be computed: context − cached
  double fetch_bytes = 0;     // keys and values of the cached tokens, of the whole replica
  double transfer_bytes = 0;  // into each GPU of it
  double weights_bytes = 0;   // of the whole replica
  double prefill_s = 0;       // 2 · N · new tokens ÷ (GPUs · peak · MFU)
  double recompute_s = 0;     // what the cached tokens would cost instead
  double decode_s = 0;        // the weights that a token passes, read once from the GPUs' own memory
  double transfer_s = 0;      // at the accelerator's copy rate
  // Fetching beats recomputing above this rate: KV_bytes · FLOP/s ÷ (2 N), of the whole replica, bytes/s.
  double break_even_bytes_per_s = 0;
};
RequestCost request_cost(const Profile& profile);

// Bytes of all weights; and how long loading a replica's share takes one GPU. Streamed: the slower of the
// two; staged: one after the other.
double weights_bytes(const Profile& profile);
double loading_s(const Profile& profile, double read_bytes_per_s, double copy_bytes_per_s);

}  // namespace millrace::workload
