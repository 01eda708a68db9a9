// SPDX-License-Identifier: Apache-2.0
#include "diagnose/interference.hpp"

#include <algorithm>
#include <limits>
#include <string>

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

}  // namespace

const Measurement* alone(const record::Document& document, const Measurement& beside) {
  const auto found =
      std::find_if(document.measurements.begin(), document.measurements.end(), [&](const Measurement& m) {
        return m.status == "ok" && m.concurrent_with.empty() && m.probe == beside.probe &&
               m.label == beside.label && m.from == beside.from && m.to == beside.to &&
               text(m, "dataset") == text(beside, "dataset") && text(m, "source") == text(beside, "source") &&
               m.throughput_bytes_per_s.mean > 0;
      });
  return found == document.measurements.end() ? nullptr : &*found;
}

std::vector<record::Interference> interference_of(const record::Document& document) {
  std::vector<record::Interference> pairs;
  std::vector<std::string> unused;
  for (const SimultaneousSet& set : simultaneous_sets(document, unused)) {
    for (std::size_t i = 0; i < set.members.size(); ++i) {
      const Measurement& victim = *set.members[i];
      const Measurement* by_itself = victim.concurrent_with.empty() ? nullptr : alone(document, victim);
      if (by_itself == nullptr) continue;
      record::Interference pair = suffered(victim, *by_itself, set.mean[i], set.one_window);
      for (const std::string& aggressor : victim.concurrent_with) {
        pair.aggressor = aggressor;
        pairs.push_back(pair);
      }
    }
  }
  return pairs;
}

}  // namespace millrace::diagnose
