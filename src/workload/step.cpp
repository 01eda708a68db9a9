// SPDX-License-Identifier: Apache-2.0
#include "workload/step.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "workload/checkpoint.hpp"
#include "workload/collective_bytes.hpp"
#include "workload/serving_time.hpp"

namespace millrace::workload {
namespace {

std::int64_t ranks_of_replica(const Layout& layout) {
  return std::int64_t{layout.tensor} * layout.pipeline * layout.context;
}

Traffic among(std::string name, double bytes, std::int64_t group, std::int64_t stride, bool overlaps,
              Pattern pattern = Pattern::kRing) {
  return {std::move(name), pattern, Purpose::kCollective, bytes, group, stride, overlaps};
}

// Gradients are reduced over all ranks that hold the same parameters: those of one context group as well.
// Where these are not equally far apart, ring within ring moves as much as one ring over all does: (a−1)/a +
// (b−1)/(a·b) = (a·b−1)/(a·b).
struct RingLevel {
  std::int64_t group, stride;
};
void add_gradients(Step& step, const Training& training, double parameters,
                   const std::vector<RingLevel>& levels, const char* what) {
  const char* how = training.zero_stage == 0   ? "all-reduce"
                    : training.zero_stage >= 3 ? "two all-gathers and reduce-scatter"
                                               : "reduce-scatter and all-gather";
  for (const RingLevel& level : levels) {
    const double bytes =
        data_parallel_bytes(parameters, static_cast<double>(level.group), training.zero_stage,
                            training.gradient_bytes_per_parameter, training.weight_bytes_per_parameter);
    if (level.group > 1)
      step.traffic.push_back(among(fmt::format("{} ({}, {} ranks)", what, how, level.group), bytes,
                                   level.group, level.stride, true));
    parameters /= static_cast<double>(level.group);
  }
}

void add_model_parallel(Step& step, const Profile& profile, const Split& split) {
  const Shape& shape = profile.shape;
  const Training& training = profile.training;
  const Layout& layout = split.layout;
  const double tokens = split.replica_tokens / layout.context;  // that pass one rank
  const double layers = static_cast<double>(shape.layers) / layout.pipeline;
  const double activation = training.activation_bytes;
  const std::int64_t context_stride = layout.tensor;
  const std::int64_t expert_stride = context_stride * layout.context;
  if (layout.tensor > 1)
    step.traffic.push_back(among(
        fmt::format("tensor-parallel activations (all-reduce, {} ranks)", layout.tensor),
        tensor_parallel_bytes(tokens, shape.hidden, layers, layout.tensor, activation, training.recompute),
        layout.tensor, 1, false));
  if (layout.context > 1) {
    const double kv_bytes = tokens * shape.kv_bytes_per_token(activation) / layout.pipeline / layout.tensor;
    step.traffic.push_back(
        among(fmt::format("context-parallel keys and values (ring, {} ranks)", layout.context),
              context_parallel_bytes(kv_bytes, layout.context), layout.context, context_stride, true));
  }
  if (layout.expert > 1)
    step.traffic.push_back(
        among(fmt::format("expert-parallel tokens (all-to-all, {} ranks)", layout.expert),
              expert_parallel_bytes(tokens / layout.tensor, shape.hidden, shape.experts_per_token,
                                    static_cast<double>(shape.expert_layers) / layout.pipeline, layout.expert,
                                    activation),
              layout.expert, expert_stride, true, Pattern::kAllToAll));
  if (layout.pipeline > 1)
    step.traffic.push_back(among(
        fmt::format("pipeline-parallel activations (forward; as much goes back the other way, {} stages)",
                    layout.pipeline),
        pipeline_bytes(tokens, shape.hidden, layout.tensor, activation), layout.pipeline,
        expert_stride * layout.expert, true, Pattern::kChain));
}

// What of the job's checkpoints falls to one step, on average: at the rates that the profile gives, since a
// step knows no machine. The short copy to host memory that an asynchronous one waits for crosses the GPU's
// own link alone and is no traffic here; plan_checkpoint has its time.
void add_checkpoint(Step& step, const Profile& profile) {
  const Checkpoint& checkpoint = profile.checkpoint;
  if (checkpoint.write_bytes_per_s <= 0) return;
  const CheckpointPlan plan =
      plan_checkpoint(profile, step.ranks, step.compute_s, checkpoint.write_bytes_per_s,
                      profile.figures.host_copy_bytes_per_s);
  step.traffic.push_back(
      {fmt::format("checkpoint, one in {:.0f} s", plan.interval_s), Pattern::kWrite, Purpose::kCheckpoint,
       plan.rank_bytes * std::min(1.0, step.compute_s / plan.interval_s), 1, 1, checkpoint.asynchronous});
}

Result<Step> training_step(const Profile& profile, std::int64_t ranks) {
  const auto split = split_of(profile, ranks);
  if (!split) return tl::unexpected(split.error());
  const Training& training = profile.training;
  const Layout& layout = split->layout;
  Step step{split->compute_s, ranks, {}};
  step.traffic.push_back({"tokens", Pattern::kRead, Purpose::kInput,
                          split->batch_tokens * training.input_bytes_per_token / static_cast<double>(ranks),
                          1, 1, true});
  add_model_parallel(step, profile, *split);
  const std::int64_t context_stride = layout.tensor, expert_stride = context_stride * layout.context;
  const std::int64_t outer_stride = expert_stride * layout.expert * layout.pipeline;
  const std::int64_t outer = split->data / layout.expert;
  const double of_rank = static_cast<double>(layout.tensor) * layout.pipeline;
  const double dense = (profile.shape.parameters - profile.shape.expert_parameters) / of_rank;
  const double experts = profile.shape.expert_parameters / of_rank / layout.expert;
  const bool mixture = profile.shape.expert_parameters > 0;
  add_gradients(step, training, dense,
                {{layout.context, context_stride}, {layout.expert, expert_stride}, {outer, outer_stride}},
                mixture ? "data-parallel gradients outside the experts" : "data-parallel gradients");
  if (mixture)
    add_gradients(step, training, experts, {{layout.context, context_stride}, {outer, outer_stride}},
                  "data-parallel gradients of the experts");
  add_checkpoint(step, profile);
  return step;
}

Step storage_step(double compute_s, std::int64_t ranks, std::string name, Pattern pattern, Purpose purpose,
                  double bytes_per_rank, bool overlaps) {
  return {compute_s, ranks, {{std::move(name), pattern, purpose, bytes_per_rank, 1, 1, overlaps}}};
}

Step serving_step(const Profile& profile, std::int64_t ranks) {
  const Serving& serving = profile.serving;
  Step step{1 / serving.requests_per_s, ranks, {}};
  if (serving.cached_tokens > 0)
    step.traffic.push_back({"cached keys and values", Pattern::kRead, Purpose::kInput,
                            request_cost(profile).fetch_bytes / serving.replica_ranks, 1, 1, true});
  return step;
}

}  // namespace

const Layout& layout_for(const Training& training, std::int64_t ranks) {
  const Layout* chosen = &training.layouts.front();
  for (const Layout& layout : training.layouts)
    if (layout.ranks_from <= ranks) chosen = &layout;
  return *chosen;
}

namespace {

// So many ranks, or the next count that makes whole replicas.
std::int64_t whole_replicas(const Training& training, std::int64_t ranks) {
  const Layout& layout = layout_for(training, ranks);
  const std::int64_t unit = ranks_of_replica(layout) * layout.expert;
  return (ranks + unit - 1) / unit * unit;
}

}  // namespace

Result<Split> split_of(const Profile& profile, std::int64_t ranks) {
  const Training& training = profile.training;
  if (ranks < 1 || training.layouts.empty())
    return failure(fmt::format("{}: a job has one rank at least", profile.name), "give --accelerators");
  const double state = profile.shape.parameters * training.state_bytes_per_parameter;
  const double room = profile.figures.memory_bytes;
  if (room > 0 && state > room * static_cast<double>(ranks))
    return failure(fmt::format("{}: {} accelerator{} cannot hold its training state: {:.3g} TB ({:.4g} bytes "
                               "× {:.4g} parameters), "
                               "{:.3g} TB of memory",
                               profile.name, ranks, ranks == 1 ? "" : "s", state / 1e12,
                               training.state_bytes_per_parameter, profile.shape.parameters,
                               room * static_cast<double>(ranks) / 1e12),
                   fmt::format("it takes {:.0f} at least: --accelerators {}", std::ceil(state / room),
                               whole_replicas(training, static_cast<std::int64_t>(std::ceil(state / room)))));
  Split split;
  split.layout = layout_for(training, ranks);
  const std::int64_t replica = ranks_of_replica(split.layout);
  const std::int64_t unit = replica * split.layout.expert;
  if (ranks % unit != 0)
    return failure(fmt::format("{}: {} accelerator{} cannot be split: a replica takes {} (tensor {} · "
                               "pipeline {} · context {}){}",
                               profile.name, ranks, ranks == 1 ? "" : "s", replica, split.layout.tensor,
                               split.layout.pipeline, split.layout.context,
                               split.layout.expert > 1
                                   ? fmt::format(", and {} of them share the experts", split.layout.expert)
                                   : ""),
                   ranks < unit ? fmt::format("give a multiple of {}", unit)
                                : fmt::format("give a multiple of {}: {} or {}", unit, ranks / unit * unit,
                                              (ranks / unit + 1) * unit));
  split.data = ranks / replica;
  const auto sequence = static_cast<double>(training.sequence_tokens);
  const double sequences = static_cast<double>(training.batch_tokens) / sequence;
  const auto data = static_cast<double>(split.data);
  const double each = std::max(1.0, std::ceil(sequences / data - 1e-9));
  split.replica_tokens = each * sequence;
  split.batch_tokens = split.replica_tokens * data;
  const Shape& shape = profile.shape;
  const double of_rank = static_cast<double>(split.layout.tensor) * split.layout.pipeline;
  split.rank_parameters = (shape.parameters - shape.expert_parameters) / of_rank +
                          shape.expert_parameters / of_rank / split.layout.expert;
  split.compute_s = (training.recompute ? 8 : 6) * shape.active_parameters * split.batch_tokens /
                    (static_cast<double>(ranks) * profile.figures.peak_flops_per_s * training.mfu);
  return split;
}

Result<Step> step_of(const Profile& profile, std::int64_t ranks) {
  if (ranks < 1)
    return failure(fmt::format("{}: a job has one rank at least", profile.name), "give --accelerators");
  const auto count = static_cast<double>(ranks);
  switch (profile.kind) {
    case Kind::kTrainingInput:
      return storage_step(profile.compute_s, ranks, "records", Pattern::kRead, Purpose::kInput,
                          profile.demand_bytes_per_s() * profile.compute_s, true);
    case Kind::kPretrain:
    case Kind::kFinetune:
      return training_step(profile, ranks);
    case Kind::kCheckpoint: {
      const CheckpointPlan plan = plan_checkpoint(profile, ranks, 0, profile.checkpoint.write_bytes_per_s,
                                                  profile.figures.host_copy_bytes_per_s);
      return storage_step(plan.interval_s, ranks, "training state", Pattern::kWrite, Purpose::kCheckpoint,
                          plan.rank_bytes, profile.checkpoint.asynchronous);
    }
    case Kind::kRestore:
      return storage_step(0, ranks, "training state", Pattern::kRead, Purpose::kCheckpoint,
                          profile.shape.parameters * profile.checkpoint.saved_bytes_per_parameter / count,
                          false);
    case Kind::kColdStart: {
      const Loading& loading = profile.loading;
      return storage_step(loading.engine_start_s, ranks, "weights", Pattern::kRead, Purpose::kInput,
                          weights_bytes(profile) / loading.replica_ranks, false);
    }
    case Kind::kServe:
      return serving_step(profile, ranks);
    case Kind::kMix:
      return failure(fmt::format("{}: a mix is several jobs, none of which is its step", profile.name),
                     "diagnose its parts");
  }
  return failure(fmt::format("{}: a kind without a step", profile.name));
}

}  // namespace millrace::workload
