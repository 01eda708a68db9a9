// SPDX-License-Identifier: Apache-2.0
#include "diagnose/set_totals.hpp"

#include <cmath>
#include <numeric>

namespace millrace::diagnose {
namespace {

stats::SampleVariance variance_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  if (n < 2) return {0, 0};
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {squares / (n - 1), n - 1};
}

}  // namespace

Totals totals_of(const std::vector<SimultaneousSet>& sets, const Crossings& crossings) {
  Totals totals(crossings.nodes.size());
  for (std::size_t s = 0; s < sets.size(); ++s)
    for (const Crossing& crossing : crossings.of_set[s]) {
      auto& of_node = totals[crossing.node];
      if (of_node.empty() || of_node.back().set != s) {
        of_node.push_back({s, 0, {}, 0});
        of_node.back().repeats.assign(sets[s].rates.size(), 0);
      }
      Total& total = of_node.back();
      const double mean = sets[s].mean[crossing.flow] * crossing.units;
      total.mean += mean;
      total.expected_variance += mean * mean;
      for (std::size_t r = 0; r < sets[s].rates.size(); ++r)
        total.repeats[r] += sets[s].rates[r][crossing.flow] * crossing.units;
    }
  return totals;
}

std::optional<stats::VariancePrior> prior_of(const std::vector<SimultaneousSet>& sets) {
  std::vector<stats::SampleVariance> samples;
  for (const SimultaneousSet& set : sets)
    for (std::size_t i = 0; i < set.members.size(); ++i) {
      if (set.mean[i] <= 0) continue;
      std::vector<double> rates;
      for (const auto& repeat : set.rates) rates.push_back(repeat[i]);
      stats::SampleVariance sample = variance_of(rates);
      sample.variance /= set.mean[i] * set.mean[i];
      samples.push_back(sample);
    }
  return stats::fit_variance_prior(samples);
}

Error error_of(const std::vector<double>& repeats, double expected_variance,
               const std::optional<stats::VariancePrior>& prior) {
  stats::SampleVariance variance = variance_of(repeats);
  if (variance.freedom == 0) return {};
  if (prior) variance = stats::moderate(variance, {prior->variance * expected_variance, prior->freedom});
  return {std::sqrt(variance.variance / static_cast<double>(repeats.size())), variance.freedom};
}

}  // namespace millrace::diagnose
