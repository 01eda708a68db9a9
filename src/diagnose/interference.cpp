// SPDX-License-Identifier: Apache-2.0
#include "diagnose/interference.hpp"

#include <fmt/core.h>

#include <limits>
#include <string>
#include <unordered_map>

#include "diagnose/evidence.hpp"
#include "diagnose/simultaneous.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;

constexpr double kUnknownRatio = std::numeric_limits<double>::quiet_NaN();

// What one member kept of its rate alone, and its percentile's growth.
record::Interference suffered(const Measurement& victim, const Measurement& by_itself, double rate,
                              bool one_window) {
  record::Interference pair{victim.id, {}, rate / by_itself.throughput_bytes_per_s.mean, kUnknownRatio, {}};
  if (!one_window || !victim.latency_s || !by_itself.latency_s) return pair;
  const auto beside = victim.latency_s->p99;
  const auto before = by_itself.latency_s->p99;
  if (!beside || !before || *before <= 0) return pair;
  pair.p99_ratio = *beside / *before;
  pair.p99_added_s = *beside - *before;
  return pair;
}

// What two measurements have in common that are the same but for what ran beside them.
std::string key_of(const Measurement& m) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", m.probe, m.label, m.from, m.to, text(m, "dataset"),
                     text(m, "source"), text(m, "direction"));
}

bool ran_alone(const Measurement& m) {
  return m.status == "ok" && m.concurrent_with.empty() && m.throughput_bytes_per_s.mean > 0;
}

}  // namespace

const Measurement* alone(const record::Document& document, const Measurement& beside) {
  const std::string key = key_of(beside);
  for (const Measurement& m : document.measurements)
    if (ran_alone(m) && m.probe == beside.probe && key_of(m) == key) return &m;
  return nullptr;
}

std::vector<record::Interference> interference_of(const record::Document& document) {
  std::vector<record::Interference> pairs;
  std::vector<std::string> unused;
  std::unordered_map<std::string, const Measurement*> all_alone;  // the first of each kind
  for (const Measurement& m : document.measurements)
    if (ran_alone(m)) all_alone.emplace(key_of(m), &m);
  for (const SimultaneousSet& set : simultaneous_sets(document, unused)) {
    for (std::size_t i = 0; i < set.members.size(); ++i) {
      const Measurement& victim = *set.members[i];
      if (victim.concurrent_with.empty()) continue;
      const auto by_itself = all_alone.find(key_of(victim));
      if (by_itself == all_alone.end()) continue;
      record::Interference pair = suffered(victim, *by_itself->second, set.mean[i], set.one_window);
      for (const std::string& aggressor : victim.concurrent_with) {
        pair.aggressor = aggressor;
        pairs.push_back(pair);
      }
    }
  }
  return pairs;
}

}  // namespace millrace::diagnose
