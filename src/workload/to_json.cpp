// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "workload/parse_sections.hpp"
#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Input& input) {
  return {{"record_bytes", input.record_bytes},
          {"record_stdev_bytes", input.record_stdev_bytes},
          {"samples_per_file", input.samples_per_file},
          {"batch_samples", input.batch_samples},
          {"prep", input.prep},
          {"read_threads", input.read_threads},
          {"prep_threads", input.prep_threads},
          {"prefetch_batches", input.prefetch_batches}};
}

// Zero stands for "not given" in a struct, and has no key in a file.
template <typename T>
void when_given(Json& object, const char* key, const T& value) {
  if (value != T{}) object[key] = value;
}

Json json_of(const Shape& shape) {
  Json object = {{"parameters", shape.parameters}, {"active_parameters", shape.active_parameters}};
  when_given(object, "expert_parameters", shape.expert_parameters);
  object.update(Json{{"layers", shape.layers},
                     {"hidden", shape.hidden},
                     {"heads", shape.heads},
                     {"kv_heads", shape.kv_heads},
                     {"head_dim", shape.head_dim}});
  when_given(object, "kv_elements_per_token", shape.kv_elements_per_token);
  when_given(object, "expert_layers", shape.expert_layers);
  when_given(object, "experts", shape.experts);
  when_given(object, "experts_per_token", shape.experts_per_token);
  return object;
}

Json json_of(const Training& training) {
  Json layouts = Json::array();
  for (const Layout& layout : training.layouts)
    layouts.push_back({{"ranks_from", layout.ranks_from},
                       {"tensor", layout.tensor},
                       {"pipeline", layout.pipeline},
                       {"context", layout.context},
                       {"expert", layout.expert}});
  return {{"sequence_tokens", training.sequence_tokens},
          {"batch_tokens", training.batch_tokens},
          {"mfu", training.mfu},
          {"recompute", training.recompute},
          {"zero_stage", training.zero_stage},
          {"gradient_bytes_per_parameter", training.gradient_bytes_per_parameter},
          {"weight_bytes_per_parameter", training.weight_bytes_per_parameter},
          {"activation_bytes", training.activation_bytes},
          {"state_bytes_per_parameter", training.state_bytes_per_parameter},
          {"input_bytes_per_token", training.input_bytes_per_token},
          {"layouts", std::move(layouts)}};
}

Json json_of(const Checkpoint& checkpoint) {
  Json object = {{"saved_bytes_per_parameter", checkpoint.saved_bytes_per_parameter},
                 {"gpu_mtbf_s", checkpoint.gpu_mtbf_s}};
  when_given(object, "interval_s", checkpoint.interval_s);
  when_given(object, "every_steps", checkpoint.every_steps);
  object["asynchronous"] = checkpoint.asynchronous;
  object["write_bytes_per_s"] = checkpoint.write_bytes_per_s;
  when_given(object, "read_bytes_per_s", checkpoint.read_bytes_per_s);
  when_given(object, "restart_s", checkpoint.restart_s);
  object["wanted_restore_s"] = checkpoint.wanted_restore_s;
  when_given(object, "source", checkpoint.source);
  return object;
}

Json json_of(const Loading& loading) {
  Json object = {{"weight_bytes_per_parameter", loading.weight_bytes_per_parameter}};
  when_given(object, "weights_bytes", loading.weights_bytes);
  object.update(Json{{"engine_start_s", loading.engine_start_s},
                     {"streamed", loading.streamed},
                     {"replica_ranks", loading.replica_ranks},
                     {"wanted_s", loading.wanted_s},
                     {"read_bytes_per_s", loading.read_bytes_per_s}});
  when_given(object, "source", loading.source);
  return object;
}

Json json_of(const BudgetPart& part) {
  Json object = {{"name", part.name}, {"kind", name_of(part.kind)}};
  const bool needed = part.kind == PartKind::kFixed || part.kind == PartKind::kNetwork;
  if (needed || part.p50_s > 0) {
    object["p50_s"] = part.p50_s;
    object["p99_s"] = part.p99_s;
  }
  when_given(object, "source", part.source);
  return object;
}

Json json_of(const Serving& serving) {
  Json parts = Json::array();
  for (const BudgetPart& part : serving.parts) parts.push_back(json_of(part));
  Json object = {{"budget_s", serving.budget_s},
                 {"requests_per_s", serving.requests_per_s},
                 {"replica_ranks", serving.replica_ranks}};
  when_given(object, "fan_out", serving.fan_out);
  when_given(object, "context_tokens", serving.context_tokens);
  when_given(object, "cached_tokens", serving.cached_tokens);
  object["weight_bytes_per_parameter"] = serving.weight_bytes_per_parameter;
  object["kv_bytes_per_element"] = serving.kv_bytes_per_element;
  when_given(object, "request_bytes", serving.request_bytes);
  object["mfu"] = serving.mfu;
  object["memory_utilization"] = serving.memory_utilization;
  when_given(object, "read_bytes_per_s", serving.read_bytes_per_s);
  object["parts"] = std::move(parts);
  return object;
}

Json json_of(const Site& site) {
  Json object = {{"hosts", site.hosts}, {"gpus_per_host", site.gpus_per_host}};
  when_given(object, "fabric", site.fabric);
  when_given(object, "storage_read_bytes_per_s", site.storage_read_bytes_per_s);
  when_given(object, "storage_write_bytes_per_s", site.storage_write_bytes_per_s);
  when_given(object, "source", site.source);
  return object;
}

Json use_of(const Profile& profile) {
  Json use = {{"kind", name_of(profile.kind)},
              {"description", profile.description},
              {"source", profile.source},
              {"utilization_wanted", profile.utilization_wanted}};
  switch (profile.kind) {
    case Kind::kPretrain:
    case Kind::kFinetune:
      use["training"] = json_of(profile.training);
      if (profile.checkpoint.write_bytes_per_s > 0) use["checkpoint"] = json_of(profile.checkpoint);
      break;
    case Kind::kCheckpoint:
    case Kind::kRestore:
      use["checkpoint"] = json_of(profile.checkpoint);
      break;
    case Kind::kColdStart:
      use["loading"] = json_of(profile.loading);
      break;
    case Kind::kServe:
      use["serving"] = json_of(profile.serving);
      break;
    case Kind::kTrainingInput:
    case Kind::kMix:
      break;
  }
  return use;
}

Json head_of(const Profile& profile) { return {{"schema", "millrace.workload/1"}, {"model", profile.model}}; }

// Training input and mixes: one document, whatever the accelerators.
Json plain_document(const std::vector<const Profile*>& profiles) {
  const Profile& first = *profiles.front();
  Json document = head_of(first);
  document["kind"] = name_of(first.kind);
  document["description"] = first.description;
  document["source"] = first.source;
  if (first.kind == Kind::kMix) {
    document["site"] = json_of(first.mix.site);
    for (const MixPart& part : first.mix.parts)
      document["jobs"].push_back({{"workload", part.workload}, {"share", part.share}});
  } else {
    document["input"] = json_of(first.input);
  }
  document["accelerators"] = Json::object();
  for (const Profile* profile : profiles)
    document["accelerators"][profile->accelerator] =
        profile->kind == Kind::kMix
            ? Json::object()
            : Json{{"compute_s", profile->compute_s}, {"utilization_wanted", profile->utilization_wanted}};
  return document;
}

// What the uses of one accelerator agree on stands with the accelerator, the rest in the use's own section.
void add_if_agreed(Json& entry, const char* key, const std::set<double>& values) {
  if (values.size() != 1) return;
  const double value = *values.begin();
  if (value == std::floor(value) && value >= 1 && std::string_view(key) == "replica_ranks")
    entry[key] = static_cast<std::int64_t>(value);
  else
    entry[key] = value;
}

Json accelerator_of(const std::string& name, const std::vector<const Profile*>& profiles,
                    std::size_t all_uses) {
  Json uses = Json::array();
  std::set<double> mfus, replicas;
  const Accelerator* figures = nullptr;
  for (const Profile* profile : profiles) {
    if (profile->accelerator != name) continue;
    figures = &profile->figures;
    uses.push_back(profile->use);
    if (profile->kind == Kind::kPretrain || profile->kind == Kind::kFinetune)
      mfus.insert(profile->training.mfu);
    if (profile->kind == Kind::kServe) {
      mfus.insert(profile->serving.mfu);
      replicas.insert(profile->serving.replica_ranks);
    }
    if (profile->kind == Kind::kColdStart) replicas.insert(profile->loading.replica_ranks);
  }
  Json entry = {{"peak_flops_per_s", figures->peak_flops_per_s},
                {"memory_bytes", figures->memory_bytes},
                {"memory_bytes_per_s", figures->memory_bytes_per_s},
                {"host_copy_bytes_per_s", figures->host_copy_bytes_per_s},
                {"source", figures->source}};
  add_if_agreed(entry, "mfu", mfus);
  add_if_agreed(entry, "replica_ranks", replicas);
  if (uses.size() < all_uses) entry["uses"] = std::move(uses);
  return entry;
}

Json uses_document(const std::vector<const Profile*>& profiles) {
  Json document = head_of(*profiles.front());
  if (profiles.front()->shape.parameters > 0) document["shape"] = json_of(profiles.front()->shape);
  document["uses"] = Json::object();
  document["accelerators"] = Json::object();
  for (const Profile* profile : profiles)
    if (!document["uses"].contains(profile->use)) document["uses"][profile->use] = use_of(*profile);
  for (const Profile* profile : profiles)
    if (!document["accelerators"].contains(profile->accelerator))
      document["accelerators"][profile->accelerator] =
          accelerator_of(profile->accelerator, profiles, document["uses"].size());
  return document;
}

}  // namespace

std::string to_json(const std::vector<Profile>& profiles) {
  std::vector<std::vector<const Profile*>> models;
  for (const Profile& profile : profiles) {
    const auto same = std::find_if(models.begin(), models.end(),
                                   [&](const auto& model) { return model.front()->model == profile.model; });
    if (same == models.end())
      models.push_back({&profile});
    else
      same->push_back(&profile);
  }
  std::vector<Json> documents;
  for (const auto& model : models)
    documents.push_back(model.front()->use.empty() ? plain_document(model) : uses_document(model));
  return (documents.size() == 1 ? documents.front() : Json(documents)).dump(2) + "\n";
}

}  // namespace millrace::workload
