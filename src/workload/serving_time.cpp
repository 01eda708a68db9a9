// SPDX-License-Identifier: Apache-2.0
#include "workload/serving_time.hpp"

#include <algorithm>

namespace millrace::workload {

RequestCost request_cost(const Profile& profile) {
  const Serving& serving = profile.serving;
  const Shape& shape = profile.shape;
  const double gpus = serving.replica_ranks;
  RequestCost cost;
  cost.kv_bytes_per_token = shape.kv_bytes_per_token(serving.kv_bytes_per_element);
  cost.new_tokens = static_cast<double>(serving.context_tokens - serving.cached_tokens);
  const auto cached = static_cast<double>(serving.cached_tokens);
  cost.fetch_bytes = cached * cost.kv_bytes_per_token;
  cost.transfer_bytes = (serving.request_bytes > 0 ? serving.request_bytes : cost.fetch_bytes) / gpus;
  cost.weights_bytes = shape.parameters * serving.weight_bytes_per_parameter;
  const double flops = gpus * profile.figures.peak_flops_per_s * serving.mfu;
  cost.prefill_s = 2 * shape.active_parameters * cost.new_tokens / flops;
  cost.recompute_s = 2 * shape.active_parameters * cached / flops;
  cost.decode_s = shape.active_parameters * serving.weight_bytes_per_parameter /
                  (gpus * profile.figures.memory_bytes_per_s * serving.memory_utilization);
  cost.transfer_s = cost.transfer_bytes / profile.figures.host_copy_bytes_per_s;
  if (shape.active_parameters > 0)
    cost.break_even_bytes_per_s = cost.kv_bytes_per_token * flops / (2 * shape.active_parameters);
  return cost;
}

double weights_bytes(const Profile& profile) {
  return profile.loading.weights_bytes > 0
             ? profile.loading.weights_bytes
             : profile.shape.parameters * profile.loading.weight_bytes_per_parameter;
}

double loading_s(const Profile& profile, double read_bytes_per_s, double copy_bytes_per_s) {
  const double share = weights_bytes(profile) / profile.loading.replica_ranks;
  const double read = share / read_bytes_per_s, copy = share / copy_bytes_per_s;
  return profile.loading.streamed ? std::max(read, copy) : read + copy;
}

}  // namespace millrace::workload
