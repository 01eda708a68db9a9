// SPDX-License-Identifier: Apache-2.0
#include "diagnose/host_rates.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "diagnose/feed_path.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kUnknownRate = std::numeric_limits<double>::quiet_NaN();

HopRate from_profile(double rate, const char* resource, const char* what) {
  return {rate, rate, rate, false, {}, resource, what};
}

HopRate from_set(const MeasuredSet& set, const char* what) {
  const Capacity capacity = sum_of(set);
  HopRate rate;
  rate.mean = capacity.rate();
  rate.low = capacity.low();
  rate.high = capacity.high();
  rate.measured = true;
  for (const auto* m : set) rate.evidence.push_back(m->id);
  rate.resource = set.front()->path.empty() ? "storage" : set.front()->path.front().resource;
  rate.name = fmt::format("{} ({})", what, fmt::join(rate.evidence, ", "));
  return rate;
}

double moved_by(const MeasuredSet& set) {
  double sum = 0;
  for (const auto* m : set) sum += m->throughput_bytes_per_s.mean;
  return sum;
}

}  // namespace

HopRate read_rate(const record::Document& document, const workload::Profile& profile, double given_of_gpu,
                  int gpus, std::vector<std::string>& notes) {
  const StorageEvidence evidence = storage_evidence(document, profile.model);
  if (evidence.set.empty()) return from_profile(given_of_gpu * gpus, "storage", "reading from storage");
  HopRate rate = from_set(evidence.set, "reading from storage");
  notes.push_back(
      fmt::format("{} read storage with an access pattern of {}; loading reads large blocks in a row",
                  fmt::join(rate.evidence, " and "),
                  evidence.set.front()->label.empty() ? "its own" : evidence.set.front()->label));
  return rate;
}

HopRate write_rate(const record::Document& document, double given_of_gpu, int gpus) {
  const std::vector<MeasuredSet> sets = sets_of(document, "storage.write");
  const auto best =
      std::max_element(sets.begin(), sets.end(),
                       [](const MeasuredSet& a, const MeasuredSet& b) { return moved_by(a) < moved_by(b); });
  if (best == sets.end()) return from_profile(given_of_gpu * gpus, "storage", "writing to storage");
  return from_set(*best, "writing to storage");
}

HopRate copy_rate(const record::Document& document, double given_of_gpu, int gpus) {
  FeedPath path;
  const bool measured = add_gpu_hops(document, gpus, path);
  HopRate slowest = from_profile(given_of_gpu, "gpu", "copying into a GPU");
  if (!measured) return slowest;
  for (const Hop& hop : path.hops) {
    if (!hop.capacity.measured) continue;
    const double share = hop.shared ? 1.0 / gpus : 1.0;
    if (slowest.measured && hop.capacity.rate() * share >= slowest.mean) continue;
    slowest = {hop.capacity.rate() * share,
               hop.capacity.low() * share,
               hop.capacity.high() * share,
               true,
               hop.capacity.evidence,
               hop.resources.front(),
               fmt::format("copying into a GPU ({})", fmt::join(hop.capacity.evidence, ", "))};
  }
  return slowest;
}

int gpus_in(const record::Document& document) {
  const auto& endpoints = document.topology.endpoints;
  return static_cast<int>(
      std::count_if(endpoints.begin(), endpoints.end(), [](const auto& one) { return one.kind == "gpu"; }));
}

record::Diagnosis blank_diagnosis(const workload::Profile& profile, int accelerators) {
  record::Diagnosis diagnosis;
  diagnosis.workload = profile.name;
  diagnosis.accelerator = profile.accelerator;
  diagnosis.accelerators = accelerators;
  diagnosis.verdict = "inconclusive";
  for (double* figure :
       {&diagnosis.utilization, &diagnosis.utilization_ci95_low, &diagnosis.utilization_ci95_high,
        &diagnosis.utilization_wanted, &diagnosis.step_compute_s, &diagnosis.step_predicted_s,
        &diagnosis.lost_input, &diagnosis.lost_collective, &diagnosis.lost_checkpoint})
    *figure = kUnknownRate;
  return diagnosis;
}

std::optional<record::Diagnosis> state_does_not_fit(const workload::Profile& profile, int ranks) {
  const double state = profile.shape.parameters * profile.checkpoint.saved_bytes_per_parameter;
  const double of_gpu = state / ranks, memory = profile.figures.memory_bytes;
  if (of_gpu <= memory) return std::nullopt;
  record::Diagnosis diagnosis = blank_diagnosis(profile, ranks);
  diagnosis.sentence =
      fmt::format("{} does not fit: {} of state for each of {}, which holds {}.", who_words(profile, ranks),
                  bytes_words(of_gpu), gpus_words(ranks), bytes_words(memory));
  diagnosis.undecided = fmt::format("--accelerators {} at least", std::ceil(state / memory));
  return diagnosis;
}

record::RankedHop ranked_hop(const HopRate& rate, const std::string& kind, double needed_bytes_per_s) {
  record::RankedHop hop;
  hop.resource = rate.resource;
  hop.kind = kind;
  hop.name = rate.name;
  hop.needed_bytes_per_s = needed_bytes_per_s;
  hop.utilization = needed_bytes_per_s / rate.mean;
  if (rate.measured) {
    hop.available_bytes_per_s = rate.mean;
    if (std::isfinite(rate.high)) {
      hop.available_low = rate.low;
      hop.available_high = rate.high;
    }
    hop.evidence = rate.evidence;
  }
  return hop;
}

std::string without_name(const std::string& what, const workload::Profile& profile) {
  const std::string name = profile.name + ": ";
  return what.starts_with(name) ? what.substr(name.size()) : what;
}
std::string who_words(const workload::Profile& profile, std::int64_t accelerators) {
  const std::string ending = "-" + profile.accelerator;
  const bool ends = profile.name.size() > ending.size() && profile.name.ends_with(ending);
  std::string accelerator = profile.accelerator;
  for (char& c : accelerator) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fmt::format(
      "{} on {}", ends ? profile.name.substr(0, profile.name.size() - ending.size()) : profile.name,
      accelerator.empty() ? gpus_words(accelerators) : fmt::format("{} × {}", accelerators, accelerator));
}
std::string gpus_words(std::int64_t count) { return fmt::format("{} GPU{}", count, count == 1 ? "" : "s"); }
std::string bytes_words(double bytes) {
  return to_si(Bytes{static_cast<std::uint64_t>(std::llround(bytes))});
}
std::string rate_words(double rate) { return to_text(BytesPerSecond{rate}); }
std::string time_words(double seconds) {
  if (std::isnan(seconds)) return "not resolved";
  if (std::isinf(seconds)) return "for ever";
  if (seconds >= 172'800) return fmt::format("{:.3g} days", seconds / 86400);
  if (seconds >= 7200) return fmt::format("{:.3g} h", seconds / 3600);
  if (seconds >= 300) return fmt::format("{:.3g} min", seconds / 60);
  if (seconds >= 1) return fmt::format("{:.3g} s", seconds);
  return to_text(Duration::from_seconds(seconds));
}

}  // namespace millrace::diagnose
