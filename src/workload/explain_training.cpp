// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <cmath>

#include <algorithm>

#include "workload/checkpoint.hpp"
#include "workload/explain.hpp"
#include "workload/step.hpp"

namespace millrace::workload {
namespace {

std::string upper_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name;
}

std::string shape_text(const Shape& shape) {
  std::string text = fmt::format("{} parameters", figure(shape.parameters));
  if (shape.active_parameters < shape.parameters)
    text += fmt::format(", of which a token passes {}", figure(shape.active_parameters));
  text += fmt::format("; {} layers of {}, {} heads of {}", shape.layers, grouped(shape.hidden), shape.heads,
                      shape.head_dim);
  if (shape.kv_heads < shape.heads) text += fmt::format(" ({} for keys and values)", shape.kv_heads);
  if (shape.experts > 0)
    text += fmt::format("; {} layers have {} experts, {} a token, {} parameters in all", shape.expert_layers,
                        shape.experts, shape.experts_per_token, figure(shape.expert_parameters));
  return text;
}

std::string split_text(const Profile& profile, const Split& split, std::int64_t ranks) {
  const Layout& layout = split.layout;
  std::string replica;
  const auto times = [&](int degree, const char* name) {
    if (degree > 1) replica += fmt::format("{}{} {}", replica.empty() ? "" : " × ", name, degree);
  };
  times(layout.tensor, "tensor");
  times(layout.pipeline, "pipeline");
  times(layout.context, "context");
  std::string text = fmt::format("{} × {}: {} replicas of {} GPU{}", grouped(static_cast<double>(ranks)),
                                 upper_name(profile.accelerator), split.data, ranks / split.data,
                                 ranks / split.data == 1 ? "" : "s");
  if (!replica.empty()) text += fmt::format(" ({})", replica);
  if (layout.expert > 1) text += fmt::format("; {} replicas share the experts", layout.expert);
  return text + "; another count: --accelerators N";
}

// The sums behind the traffic of step.cpp, by the beginning of its name.
std::string sum_of(const Traffic& traffic, const Profile& profile, const Split& split) {
  const Shape& shape = profile.shape;
  const Training& training = profile.training;
  const Layout& layout = split.layout;
  const double tokens = split.replica_tokens / layout.context;
  const double layers = static_cast<double>(shape.layers) / layout.pipeline;
  const std::string element = fmt::format("{:g} B", training.activation_bytes);
  const std::string_view name = traffic.name;
  if (name == "tokens")
    return fmt::format("{} tokens × {:g} B ÷ {} GPUs", grouped(split.batch_tokens),
                       training.input_bytes_per_token,
                       split.data * layout.tensor * layout.pipeline * layout.context);
  if (name.starts_with("tensor"))
    return fmt::format("{} layers × {} all-reduces × 2 × {} tokens × {} × {} × {}/{}", figure(layers),
                       training.recompute ? 6 : 4, grouped(tokens), grouped(shape.hidden), element,
                       layout.tensor - 1, layout.tensor);
  if (name.starts_with("context"))
    return fmt::format("3 × {} × {} tokens × {} of keys and values a token ÷ {} ÷ {}", layout.context - 1,
                       grouped(tokens), bytes_text(shape.kv_bytes_per_token(training.activation_bytes)),
                       layout.pipeline, layout.tensor);
  if (name.starts_with("expert"))
    return fmt::format("{} layers × 4 all-to-alls × {} tokens × {} experts × {} × {} × {}/{}",
                       figure(static_cast<double>(shape.expert_layers) / layout.pipeline),
                       grouped(tokens / layout.tensor), shape.experts_per_token, grouped(shape.hidden),
                       element, layout.expert - 1, layout.expert);
  if (name.starts_with("pipeline"))
    return fmt::format("{} tokens × {} × {}{}", grouped(tokens), grouped(shape.hidden), element,
                       layout.tensor > 1 ? fmt::format(" ÷ {}", layout.tensor) : "");
  if (name.starts_with("data")) {
    const double passes = training.zero_stage == 0
                              ? 2 * training.gradient_bytes_per_parameter
                              : training.gradient_bytes_per_parameter +
                                    (training.zero_stage >= 3 ? 2 : 1) * training.weight_bytes_per_parameter;
    const auto group = static_cast<double>(traffic.group);
    return fmt::format("{} parameters × {:g} B × {}/{}",
                       figure(traffic.bytes_per_rank / passes / (group - 1) * group), passes,
                       traffic.group - 1, traffic.group);
  }
  return {};
}

void add_asked(Lines& lines, const Profile& profile, const Step& step) {
  double read = 0, written = 0, sent = 0;
  for (const Traffic& traffic : step.traffic)
    (traffic.pattern == Pattern::kRead    ? read
     : traffic.pattern == Pattern::kWrite ? written
                                          : sent) += traffic.bytes_per_rank;
  lines.add(
      "asks",
      fmt::format("of each GPU that never waits (bytes ÷ {}): storage {} read and {} written on average; "
                  "{} to other GPUs",
                  time_text(step.compute_s), rate_text(read / step.compute_s),
                  rate_text(written / step.compute_s), rate_text(sent / step.compute_s)));
  const double state = profile.shape.parameters * profile.training.state_bytes_per_parameter;
  lines.add(
      "memory",
      fmt::format("{} of weights, gradients and optimizer ({:g} B × {}): {} a GPU where all share it, of "
                  "{}; activations come on top",
                  bytes_text(state), profile.training.state_bytes_per_parameter,
                  figure(profile.shape.parameters), bytes_text(state / static_cast<double>(step.ranks)),
                  bytes_text(profile.figures.memory_bytes)));
}

void add_checkpoint_sum(Lines& lines, const Profile& profile, std::int64_t ranks, double step_s) {
  const Checkpoint& checkpoint = profile.checkpoint;
  const CheckpointPlan plan = plan_checkpoint(profile, ranks, step_s, checkpoint.write_bytes_per_s,
                                              profile.figures.host_copy_bytes_per_s);
  lines.add("saves", fmt::format("{} ({:g} B × {}), {} of each GPU", bytes_text(plan.size_bytes),
                                 checkpoint.saved_bytes_per_parameter, figure(profile.shape.parameters),
                                 bytes_text(plan.rank_bytes)));
  lines.add("writing",
            fmt::format("{} ÷ {} = {} where storage takes that much of each GPU", bytes_text(plan.rank_bytes),
                        rate_text(checkpoint.write_bytes_per_s), time_text(plan.write_s)));
  lines.add("failures", fmt::format("one in {} (a GPU's {} ÷ {} GPUs)", time_text(plan.between_failures_s),
                                    time_text(checkpoint.gpu_mtbf_s), grouped(static_cast<double>(ranks))));
  if (checkpoint.every_steps > 0 && step_s > 0)
    lines.add("interval", fmt::format("{} steps × {} = {}", checkpoint.every_steps, time_text(step_s),
                                      time_text(plan.interval_s)));
  else if (checkpoint.interval_s > 0)
    lines.add("interval", time_text(plan.interval_s) + ", as given");
  else
    lines.add("interval", fmt::format("Young: √(2 × {} × {}) = {}", time_text(plan.write_s),
                                      time_text(plan.between_failures_s), time_text(plan.interval_s)));
  lines.add(
      "blocks",
      checkpoint.asynchronous
          ? fmt::format("{} for the copy to host memory ({} ÷ {}); the write goes on beside the job for "
                        "{}",
                        time_text(plan.blocking_s), bytes_text(plan.rank_bytes),
                        rate_text(profile.figures.host_copy_bytes_per_s), time_text(plan.background_s))
          : fmt::format("{}: the job waits for the whole write", time_text(plan.blocking_s)));
  lines.add("loses",
            fmt::format("{} of the time: {} standing still, {} done again after failures, {} starting again",
                        share_text(plan.lost()), share_text(plan.lost_blocking), share_text(plan.lost_rework),
                        share_text(plan.lost_restart)));
}

}  // namespace

std::string explain_training(const Profile& profile, std::int64_t ranks) {
  Lines lines(profile);
  lines.add("model", shape_text(profile.shape));
  const auto split = split_of(profile, ranks);
  const auto step = step_of(profile, ranks);
  if (!split || !step) {
    const Error& error = split ? step.error() : split.error();
    lines.add("not so", fmt::format("{}; {}", error.what, error.hint));
    return lines.text();
  }
  const Training& training = profile.training;
  lines.add("on", split_text(profile, *split, ranks));
  lines.add(
      "step",
      fmt::format("{} tokens in sequences of {}: {} of each replica{}", grouped(split->batch_tokens),
                  grouped(static_cast<double>(training.sequence_tokens)), grouped(split->replica_tokens),
                  split->batch_tokens > static_cast<double>(training.batch_tokens)
                      ? fmt::format(" (more than the {} wanted: whole sequences for every replica)",
                                    grouped(static_cast<double>(training.batch_tokens)))
                      : ""));
  lines.add("compute",
            fmt::format("{} × {} parameters × {} tokens ÷ ({} GPUs × {} FLOP/s × {:g}) = {}",
                        training.recompute ? 8 : 6, figure(profile.shape.active_parameters),
                        figure(split->batch_tokens), grouped(static_cast<double>(ranks)),
                        figure(profile.figures.peak_flops_per_s), training.mfu, time_text(split->compute_s)));
  lines.add("traffic", "of each GPU and step:");
  for (const Traffic& traffic : step->traffic) {
    if (traffic.purpose == Purpose::kCheckpoint) continue;
    lines.add("", fmt::format("{}: {} = {}; {}", traffic.name, sum_of(traffic, profile, *split),
                              bytes_text(traffic.bytes_per_rank),
                              traffic.overlaps ? "beside the computing" : "the step waits for it"));
  }
  const bool saves = profile.checkpoint.write_bytes_per_s > 0;
  if (saves) add_checkpoint_sum(lines, profile, ranks, split->compute_s);
  add_asked(lines, profile, *step);
  lines.add("wanted", fmt::format("{:.0f} % of the time computing", profile.utilization_wanted * 100));
  lines.sources(profile, {saves ? profile.checkpoint.source : std::string()});
  return lines.text();
}

std::string explain_checkpoint(const Profile& profile, std::int64_t ranks) {
  Lines lines(profile);
  const Checkpoint& checkpoint = profile.checkpoint;
  lines.add("on", fmt::format("{} × {}; another count: --accelerators N", grouped(static_cast<double>(ranks)),
                              upper_name(profile.accelerator)));
  const CheckpointPlan plan =
      plan_checkpoint(profile, ranks, 0, checkpoint.write_bytes_per_s, profile.figures.host_copy_bytes_per_s);
  if (const double room = profile.figures.memory_bytes; room > 0 && plan.rank_bytes > room) {
    lines.add("not so",
              fmt::format("{} of state for each GPU, which holds {}; --accelerators {:.0f} at least",
                          bytes_text(plan.rank_bytes), bytes_text(room), std::ceil(plan.size_bytes / room)));
    return lines.text();
  }
  if (profile.kind == Kind::kCheckpoint) {
    add_checkpoint_sum(lines, profile, ranks, 0);
    lines.add("asks", fmt::format("of storage {} of each GPU while it is written, {} on average",
                                  rate_text(plan.rank_bytes / plan.write_s),
                                  rate_text(plan.rank_bytes / plan.interval_s)));
    lines.add("wanted",
              fmt::format("{:.0f} % of the time left to the job", profile.utilization_wanted * 100));
  } else {
    const double rate =
        checkpoint.read_bytes_per_s > 0 ? checkpoint.read_bytes_per_s : checkpoint.write_bytes_per_s;
    lines.add("reads", fmt::format("{} ({:g} B × {}), {} of each GPU", bytes_text(plan.size_bytes),
                                   checkpoint.saved_bytes_per_parameter, figure(profile.shape.parameters),
                                   bytes_text(plan.rank_bytes)));
    lines.add("takes", fmt::format("{} ÷ {} = {} where storage gives each GPU that much",
                                   bytes_text(plan.rank_bytes), rate_text(rate), time_text(plan.restore_s)));
    lines.add("asks", fmt::format("{} ÷ {} = {} of storage for each GPU, to keep what is wanted",
                                  bytes_text(plan.rank_bytes), time_text(checkpoint.wanted_restore_s),
                                  rate_text(plan.rank_bytes / checkpoint.wanted_restore_s)));
    lines.add("wanted", fmt::format("within {}", time_text(checkpoint.wanted_restore_s)));
  }
  lines.sources(profile, {checkpoint.source});
  return lines.text();
}

}  // namespace millrace::workload
