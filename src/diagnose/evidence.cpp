// SPDX-License-Identifier: Apache-2.0
#include "diagnose/evidence.hpp"

#include <algorithm>
#include <set>

#include "diagnose/conventions.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;

bool moved(const Measurement& m) { return m.status == "ok" && m.throughput_bytes_per_s.mean > 0; }

double total(const MeasuredSet& set) {
  double sum = 0;
  for (const Measurement* m : set) sum += m->throughput_bytes_per_s.mean;
  return sum;
}

// Data that are spread over several drives are read from all of them at once: a set that did so stands for
// the path, even where one of the drives moves as much alone.
bool stands_before(const MeasuredSet& set, const MeasuredSet& best) {
  if ((set.size() > 1) != (best.size() > 1)) return set.size() > 1;
  return total(set) > total(best);
}

const MeasuredSet* largest(const std::vector<MeasuredSet>& sets,
                           bool (*fits)(const Measurement&, const std::string&), const std::string& model) {
  const MeasuredSet* best = nullptr;
  for (const MeasuredSet& set : sets)
    if (std::all_of(set.begin(), set.end(), [&](const Measurement* m) { return fits(*m, model); }) &&
        (!best || stands_before(set, *best)))
      best = &set;
  return best;
}

// Alone, from a cold source, with the workload's compute; by GPUDirect Storage or not.
const Measurement* pipeline_run(const record::Document& document, const workload::Profile& profile,
                                bool direct) {
  for (const Measurement& m : document.measurements)
    if (m.probe == conventions::kPipeline && m.status == "ok" && m.concurrent_with.empty() &&
        m.label == profile.name && text(m, conventions::kSource) == "cold" &&
        (text(m, conventions::kWay) == "direct") == direct &&
        number(m, conventions::kCompute).value_or(0) > 0 &&
        m.metrics.contains(conventions::kUtilizationMetric))
      return &m;
  return nullptr;
}

}  // namespace

std::optional<double> number(const Measurement& measurement, std::string_view parameter) {
  const auto found = measurement.parameters.find(std::string(parameter));
  if (found == measurement.parameters.end()) return std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&found->second)) return *real;
  return std::nullopt;
}

std::string text(const Measurement& measurement, std::string_view parameter) {
  const auto found = measurement.parameters.find(std::string(parameter));
  if (found == measurement.parameters.end()) return {};
  const auto* value = std::get_if<std::string>(&found->second);
  return value ? *value : std::string();
}

std::vector<MeasuredSet> sets_of(const record::Document& document, std::string_view probe) {
  std::vector<MeasuredSet> sets;
  std::set<std::string> taken;
  for (const Measurement& m : document.measurements) {
    if (m.probe != probe || !moved(m) || taken.contains(m.id)) continue;
    MeasuredSet set{&m};
    bool whole = true;
    for (const std::string& id : m.concurrent_with) {
      const auto other = std::find_if(document.measurements.begin(), document.measurements.end(),
                                      [&](const Measurement& o) { return o.id == id; });
      // What ran beside it but moved something else (or failed) makes its figure one of interference, not of
      // capacity.
      if (other == document.measurements.end() || other->probe != probe || !moved(*other))
        whole = false;
      else if (!taken.contains(id))
        set.push_back(&*other);
    }
    for (const Measurement* member : set) taken.insert(member->id);
    if (whole) sets.push_back(std::move(set));
  }
  return sets;
}

StorageEvidence storage_evidence(const record::Document& document, const std::string& model) {
  const auto sets = sets_of(document, conventions::kStorageRead);
  const auto as_model = [](const Measurement& m, const std::string& name) { return m.label == name; };
  const auto unlabelled = [](const Measurement& m, const std::string&) { return m.label.empty(); };
  const auto any = [](const Measurement&, const std::string&) { return true; };
  if (const auto* set = largest(sets, as_model, model)) return {*set, true};
  if (const auto* set = largest(sets, unlabelled, model)) return {*set, false};
  if (const auto* set = largest(sets, any, model)) return {*set, false};
  return {};
}

const Measurement* stage_evidence(const record::Document& document, const workload::Profile& profile) {
  const Measurement* best = nullptr;
  int best_rank = 0;
  for (const Measurement& m : document.measurements) {
    if (m.probe != conventions::kPipeline || !moved(m) || !m.concurrent_with.empty() ||
        text(m, conventions::kSource) != "synthetic")
      continue;
    if (const auto prep = text(m, "prep"); !prep.empty() && prep != profile.input.prep) continue;
    const bool alone = number(m, conventions::kCompute).value_or(0) == 0;
    const bool ours = m.label == profile.model || m.label == profile.name || m.label.empty();
    // Another model's stages do the same work per byte when the preparation is the same: a last resort.
    const int rank = (m.label == profile.model ? 4 : (ours ? 2 : 0)) + (alone ? 2 : 1);
    if (rank > best_rank) best = &m, best_rank = rank;
  }
  return best;
}

std::string other_preparation(const record::Document& document, const workload::Profile& profile) {
  std::string other;
  for (const Measurement& m : document.measurements) {
    if (m.probe != conventions::kPipeline || !moved(m) || text(m, conventions::kSource) != "synthetic" ||
        m.label != profile.model)
      continue;
    if (text(m, "prep") == profile.input.prep) return {};
    other = text(m, "prep");
  }
  return other;
}

const Measurement* proof_of(const record::Document& document, const workload::Profile& profile) {
  return pipeline_run(document, profile, false);
}

const Measurement* direct_run_of(const record::Document& document, const workload::Profile& profile) {
  return pipeline_run(document, profile, true);
}

}  // namespace millrace::diagnose
