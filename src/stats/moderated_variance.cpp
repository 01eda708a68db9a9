// SPDX-License-Identifier: Apache-2.0
#include "stats/moderated_variance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace millrace::stats {
namespace {

// Abramowitz & Stegun 6.3.5 (recurrence) and 6.3.18 (asymptotic series): below 1e-10 from 10 on.
double digamma(double x) {
  double shift = 0;
  for (; x < 10; ++x) shift -= 1 / x;
  const double square = 1 / (x * x);
  return shift + std::log(x) - 0.5 / x - square * (1.0 / 12 - square * (1.0 / 120 - square / 252));
}

// Abramowitz & Stegun 6.4.6 and 6.4.12.
double trigamma(double x) {
  double shift = 0;
  for (; x < 10; ++x) shift += 1 / (x * x);
  const double square = 1 / (x * x);
  return shift + 1 / x + 0.5 * square + square / x * (1.0 / 6 - square * (1.0 / 30 - square / 42));
}

// trigamma falls from infinity to 0: bisection on a logarithmic scale.
double inverse_trigamma(double value) {
  double low = 1e-6;
  double high = 1e8;
  for (int i = 0; i < 100; ++i) {
    const double middle = std::sqrt(low * high);
    (trigamma(middle) > value ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

}  // namespace

std::optional<VariancePrior> fit_variance_prior(std::span<const SampleVariance> samples) {
  std::vector<double> logs;  // of each variance, less what its few degrees of freedom are expected to add
  double by_chance = 0;
  for (const SampleVariance& sample : samples) {
    if (!(sample.variance > 0) || !(sample.freedom > 0)) continue;
    const double half = sample.freedom / 2;
    logs.push_back(std::log(sample.variance) - digamma(half) + std::log(half));
    by_chance += trigamma(half);
  }
  if (logs.size() < 3) return std::nullopt;
  const auto n = static_cast<double>(logs.size());
  double mean = 0;
  for (const double log : logs) mean += log / n;
  double spread = 0;
  for (const double log : logs) spread += (log - mean) * (log - mean) / (n - 1);
  const double beyond_chance = spread - by_chance / n;
  if (beyond_chance <= 0) return VariancePrior{std::exp(mean), std::numeric_limits<double>::infinity()};
  const double half = inverse_trigamma(beyond_chance);
  return VariancePrior{std::exp(mean + digamma(half) - std::log(half)), 2 * half};
}

SampleVariance moderate(const SampleVariance& sample, const VariancePrior& prior) {
  if (!std::isfinite(prior.freedom)) return {prior.variance, kMostFreedom};
  const double freedom = sample.freedom + prior.freedom;
  return {(sample.freedom * sample.variance + prior.freedom * prior.variance) / freedom,
          std::min(freedom, kMostFreedom)};
}

}  // namespace millrace::stats
