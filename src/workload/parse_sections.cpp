// SPDX-License-Identifier: Apache-2.0
#include "workload/parse_sections.hpp"

#include <fmt/core.h>

#include <array>
#include <cmath>

namespace millrace::workload {
namespace {

constexpr double kMostBytes = 1e18, kMostSeconds = 1e9, kMostRate = 1e18, kMostFlops = 1e21;
constexpr std::int64_t kMostTokens = 1'000'000'000'000, kMostRanks = 10'000'000;
constexpr std::array<std::string_view, 7> kPartNames{"network", "queue",    "fixed", "compute",
                                                     "fetch",   "transfer", "decode"};

Layout read_layout(ObjectReader reader, const Shape& shape) {
  Layout layout;
  reader.count("ranks_from", layout.ranks_from, kMostRanks);
  reader.count("tensor", layout.tensor, 1024);
  reader.count("pipeline", layout.pipeline, 1024);
  reader.count("context", layout.context, 1024);
  reader.count("expert", layout.expert, 4096);
  if (shape.heads % layout.tensor != 0)
    reader.fail("tensor",
                fmt::format("is {}, which does not divide the shape's {} heads", layout.tensor, shape.heads));
  if (layout.pipeline > shape.layers)
    reader.fail("pipeline",
                fmt::format("is {}, more than the shape's {} layers", layout.pipeline, shape.layers));
  if (layout.expert > 1 && (shape.experts == 0 || shape.experts % layout.expert != 0))
    reader.fail("expert", fmt::format("is {}, which does not divide the shape's {} experts", layout.expert,
                                      shape.experts));
  reader.finish();
  return layout;
}

BudgetPart read_part(ObjectReader reader) {
  BudgetPart part;
  std::string kind = "fixed";
  reader.text("name", part.name, true);
  reader.word("kind", kind, {kPartNames.begin(), kPartNames.end()});
  for (std::size_t i = 0; i < kPartNames.size(); ++i)
    if (kPartNames[i] == kind) part.kind = static_cast<PartKind>(i);
  // What nothing computes has to be given; the rest may be.
  const bool needed = part.kind == PartKind::kFixed || part.kind == PartKind::kNetwork;
  reader.at_least("p50_s", part.p50_s, 0, kMostSeconds, needed);
  part.p99_s = part.p50_s;
  reader.at_least("p99_s", part.p99_s, 0, kMostSeconds);
  if (part.p99_s < part.p50_s) reader.fail("p99_s", fmt::format("is {:g}, below p50_s", part.p99_s));
  if (part.p50_s <= 0 && part.p99_s > 0) reader.fail("p50_s", "must be above 0 where p99_s is");
  reader.text("source", part.source);
  reader.finish();
  return part;
}

}  // namespace

std::string_view name_of(PartKind kind) { return kPartNames[static_cast<std::size_t>(kind)]; }

void read_input(ObjectReader reader, Input& input) {
  reader.number("record_bytes", input.record_bytes, 0, 1e15, true);
  reader.number("record_stdev_bytes", input.record_stdev_bytes, -1e-300, 1e15);
  if (input.record_stdev_bytes > input.record_bytes)
    reader.fail("record_stdev_bytes", "is larger than record_bytes, which no cut normal distribution fits");
  reader.count("samples_per_file", input.samples_per_file, 1'000'000'000);
  reader.count("batch_samples", input.batch_samples, 1'000'000);
  reader.word("prep", input.prep, {"none", "checksum", "decompress", "normalize"});
  reader.count("read_threads", input.read_threads, 1024);
  reader.count("prep_threads", input.prep_threads, 1024);
  reader.count("prefetch_batches", input.prefetch_batches, 1024);
  reader.finish();
}

void read_shape(ObjectReader reader, Shape& shape) {
  reader.number("parameters", shape.parameters, 0, 1e18, true);
  shape.active_parameters = shape.parameters;
  reader.number("active_parameters", shape.active_parameters, 0, 1e18);
  reader.number("expert_parameters", shape.expert_parameters, 0, 1e18);
  if (shape.active_parameters > shape.parameters) reader.fail("active_parameters", "is more than parameters");
  if (shape.expert_parameters > shape.parameters) reader.fail("expert_parameters", "is more than parameters");
  reader.count("layers", shape.layers, 10'000, true);
  reader.count("hidden", shape.hidden, 10'000'000, true);
  reader.count("heads", shape.heads, 100'000, true);
  shape.kv_heads = shape.heads;
  reader.count("kv_heads", shape.kv_heads, 100'000);
  reader.count("head_dim", shape.head_dim, 100'000, true);
  reader.number("kv_elements_per_token", shape.kv_elements_per_token, 0, 1e12);
  const bool mixture = shape.expert_parameters > 0;
  reader.count("expert_layers", shape.expert_layers, 10'000, mixture);
  reader.count("experts", shape.experts, 100'000, mixture);
  reader.count("experts_per_token", shape.experts_per_token, 100'000, mixture);
  if (shape.expert_layers > shape.layers) reader.fail("expert_layers", "is more than layers");
  if (shape.experts_per_token > shape.experts) reader.fail("experts_per_token", "is more than experts");
  reader.finish();
}

void read_training(ObjectReader reader, const Shape& shape, Training& training) {
  reader.count("sequence_tokens", training.sequence_tokens, kMostTokens, true);
  reader.count("batch_tokens", training.batch_tokens, kMostTokens, true);
  if (!reader.failed() && training.batch_tokens % training.sequence_tokens != 0)
    reader.fail("batch_tokens", fmt::format("is {}, no multiple of sequence_tokens", training.batch_tokens));
  reader.number("mfu", training.mfu, 0, 1);
  reader.flag("recompute", training.recompute);
  double stage = training.zero_stage;
  reader.at_least("zero_stage", stage, 0, 3);
  training.zero_stage = static_cast<int>(stage);
  if (stage != training.zero_stage) reader.fail("zero_stage", "must be 0, 1, 2 or 3");
  reader.number("gradient_bytes_per_parameter", training.gradient_bytes_per_parameter, 0, 64);
  reader.number("weight_bytes_per_parameter", training.weight_bytes_per_parameter, 0, 64);
  reader.number("activation_bytes", training.activation_bytes, 0, 64);
  reader.number("state_bytes_per_parameter", training.state_bytes_per_parameter, 0, 1000);
  reader.number("input_bytes_per_token", training.input_bytes_per_token, 0, 1e9);
  training.layouts.clear();
  for (const auto& [object, pointer] : reader.objects("layouts")) {
    training.layouts.push_back(read_layout(reader.at(pointer, object), shape));
    const std::size_t count = training.layouts.size();
    if (count > 1 && training.layouts[count - 1].ranks_from <= training.layouts[count - 2].ranks_from)
      reader.fail("layouts", "must be in ascending order of ranks_from");
  }
  reader.finish();
}

void read_checkpoint(ObjectReader reader, Checkpoint& checkpoint) {
  reader.number("saved_bytes_per_parameter", checkpoint.saved_bytes_per_parameter, 0, 1000);
  reader.number("gpu_mtbf_s", checkpoint.gpu_mtbf_s, 0, 1e12);
  reader.number("interval_s", checkpoint.interval_s, 0, kMostSeconds);
  reader.count("every_steps", checkpoint.every_steps, 1'000'000'000);
  if (checkpoint.interval_s > 0 && checkpoint.every_steps > 0)
    reader.fail("every_steps", "excludes interval_s: give one of them, or none for Young's rule");
  reader.flag("asynchronous", checkpoint.asynchronous);
  reader.number("write_bytes_per_s", checkpoint.write_bytes_per_s, 0, kMostRate, true);
  reader.number("read_bytes_per_s", checkpoint.read_bytes_per_s, 0, kMostRate);
  reader.number("restart_s", checkpoint.restart_s, 0, kMostSeconds);
  reader.number("wanted_restore_s", checkpoint.wanted_restore_s, 0, kMostSeconds);
  reader.text("source", checkpoint.source);
  reader.finish();
}

void read_loading(ObjectReader reader, const Shape& shape, Loading& loading) {
  reader.number("weight_bytes_per_parameter", loading.weight_bytes_per_parameter, 0, 64);
  reader.number("weights_bytes", loading.weights_bytes, 0, kMostBytes, shape.parameters <= 0);
  reader.at_least("engine_start_s", loading.engine_start_s, 0, kMostSeconds, true);
  reader.flag("streamed", loading.streamed);
  reader.count("replica_ranks", loading.replica_ranks, 100'000);
  reader.number("wanted_s", loading.wanted_s, 0, kMostSeconds, true);
  reader.number("read_bytes_per_s", loading.read_bytes_per_s, 0, kMostRate, true);
  reader.text("source", loading.source);
  reader.finish();
}

void read_serving(ObjectReader reader, const Shape& shape, Serving& serving) {
  const bool language = shape.layers > 0;
  reader.number("budget_s", serving.budget_s, 0, kMostSeconds, true);
  reader.number("requests_per_s", serving.requests_per_s, 0, 1e12, true);
  reader.count("replica_ranks", serving.replica_ranks, 100'000);
  reader.count("fan_out", serving.fan_out, 1'000'000);
  reader.count("context_tokens", serving.context_tokens, kMostTokens, language);
  reader.count("cached_tokens", serving.cached_tokens, kMostTokens);
  if (serving.cached_tokens > serving.context_tokens)
    reader.fail("cached_tokens", "is more than context_tokens");
  reader.number("weight_bytes_per_parameter", serving.weight_bytes_per_parameter, 0, 64);
  reader.number("kv_bytes_per_element", serving.kv_bytes_per_element, 0, 64);
  reader.number("request_bytes", serving.request_bytes, 0, kMostBytes, !language);
  reader.number("mfu", serving.mfu, 0, 1);
  reader.number("memory_utilization", serving.memory_utilization, 0, 1);
  reader.number("read_bytes_per_s", serving.read_bytes_per_s, 0, kMostRate, serving.cached_tokens > 0);
  serving.parts.clear();
  for (const auto& [object, pointer] : reader.objects("parts")) {
    const ObjectReader part = reader.at(pointer, object);
    serving.parts.push_back(read_part(part));
    const BudgetPart& last = serving.parts.back();
    const bool computed = last.kind == PartKind::kCompute || last.kind == PartKind::kDecode;
    if (computed && !language && last.p50_s <= 0)
      ObjectReader(part).fail("p50_s", "is missing: without a shape nothing computes it");
    if (last.kind == PartKind::kFetch && last.p50_s <= 0 && serving.cached_tokens == 0)
      ObjectReader(part).fail("p50_s", "is missing: without cached_tokens nothing computes it");
  }
  reader.finish();
}

void read_site(ObjectReader reader, Site& site) {
  reader.count("hosts", site.hosts, kMostRanks, true);
  reader.count("gpus_per_host", site.gpus_per_host, 1024, true);
  reader.text("fabric", site.fabric);
  reader.number("storage_read_bytes_per_s", site.storage_read_bytes_per_s, 0, kMostRate);
  reader.number("storage_write_bytes_per_s", site.storage_write_bytes_per_s, 0, kMostRate);
  reader.text("source", site.source);
  reader.finish();
}

void read_jobs(ObjectReader& reader, std::vector<MixPart>& parts) {
  double sum = 0;
  for (const auto& [object, pointer] : reader.objects("jobs")) {
    ObjectReader job = reader.at(pointer, object);
    MixPart part;
    job.text("workload", part.workload, true);
    job.number("share", part.share, 0, 1, true);
    job.finish();
    sum += part.share;
    parts.push_back(std::move(part));
  }
  if (!reader.failed() && std::abs(sum - 1) > 1e-6)
    reader.fail("jobs", fmt::format("have shares that add up to {:g}, not to 1", sum));
}

}  // namespace millrace::workload
