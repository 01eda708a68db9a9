// SPDX-License-Identifier: Apache-2.0
#include "workload/collective_bytes.hpp"

namespace millrace::workload {

double ring_pass_bytes(double array_bytes, double members) {
  return members > 1 ? array_bytes * (members - 1) / members : 0;
}

double ring_all_reduce_bytes(double array_bytes, double members) {
  return 2 * ring_pass_bytes(array_bytes, members);
}

double data_parallel_bytes(double parameters, double members, int zero_stage, double gradient_bytes,
                           double weight_bytes) {
  const double gradients = ring_pass_bytes(parameters * gradient_bytes, members);
  const double weights = ring_pass_bytes(parameters * weight_bytes, members);
  if (zero_stage == 0) return 2 * gradients;
  return gradients + (zero_stage >= 3 ? 2 : 1) * weights;
}

double tensor_parallel_bytes(double tokens, double hidden, double layers, double members,
                             double element_bytes, bool recompute) {
  const double all_reduces = recompute ? 6 : 4;
  return layers * all_reduces * ring_all_reduce_bytes(tokens * hidden * element_bytes, members);
}

double pipeline_bytes(double tokens, double hidden, double tensor, double element_bytes) {
  return tokens * hidden * element_bytes / tensor;
}

double context_parallel_bytes(double kv_bytes, double members) { return 3 * kv_bytes * (members - 1); }

double expert_parallel_bytes(double tokens, double hidden, double experts_per_token, double layers,
                             double members, double element_bytes) {
  return 4 * layers * ring_pass_bytes(tokens * experts_per_token * hidden * element_bytes, members);
}

}  // namespace millrace::workload
