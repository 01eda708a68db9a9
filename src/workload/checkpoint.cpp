// SPDX-License-Identifier: Apache-2.0
#include "workload/checkpoint.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::workload {

double young_interval_s(double cost_s, double between_failures_s) {
  return std::sqrt(2 * cost_s * between_failures_s);
}

CheckpointPlan plan_checkpoint(const Profile& profile, std::int64_t ranks, double step_s,
                               double write_bytes_per_s, double snapshot_bytes_per_s) {
  const Checkpoint& checkpoint = profile.checkpoint;
  const auto count = static_cast<double>(ranks);
  CheckpointPlan plan;
  plan.size_bytes = profile.shape.parameters * checkpoint.saved_bytes_per_parameter;
  plan.rank_bytes = plan.size_bytes / count;
  plan.between_failures_s = checkpoint.gpu_mtbf_s / count;
  plan.write_s = plan.rank_bytes / write_bytes_per_s;
  plan.blocking_s = checkpoint.asynchronous ? plan.rank_bytes / snapshot_bytes_per_s : plan.write_s;
  plan.background_s = checkpoint.asynchronous ? plan.write_s : 0;
  const double read_rate = checkpoint.read_bytes_per_s > 0 ? checkpoint.read_bytes_per_s : write_bytes_per_s;
  plan.restore_s = plan.rank_bytes / read_rate;
  if (checkpoint.every_steps > 0 && step_s > 0)
    plan.interval_s = static_cast<double>(checkpoint.every_steps) * step_s;
  else if (checkpoint.interval_s > 0)
    plan.interval_s = checkpoint.interval_s;
  else
    plan.interval_s = young_interval_s(plan.write_s, plan.between_failures_s);
  plan.interval_s = std::max(plan.interval_s, plan.background_s);
  plan.lost_blocking = plan.blocking_s / (plan.interval_s + plan.blocking_s);
  plan.lost_rework = plan.interval_s / 2 / plan.between_failures_s;
  plan.lost_restart = (checkpoint.restart_s + plan.restore_s) / plan.between_failures_s;
  return plan;
}

}  // namespace millrace::workload
