// SPDX-License-Identifier: Apache-2.0
#include "stats/summary.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "stats/student_t.hpp"

namespace millrace::stats {
namespace {

__extension__ using Wide = unsigned __int128;

bool all_finite(std::span<const double> samples) {
  return std::all_of(samples.begin(), samples.end(), [](double value) { return std::isfinite(value); });
}

// An index below `size`, without the bias of a remainder (Lemire 2019). std::uniform_int_distribution would
// give other numbers with another standard library.
std::size_t draw(std::mt19937_64& random, std::uint64_t size) {
  const std::uint64_t unfair = (0 - size) % size;
  for (;;) {
    const Wide product = Wide{random()} * size;
    if (static_cast<std::uint64_t>(product) >= unfair) return static_cast<std::size_t>(product >> 64);
  }
}

}  // namespace

double quantile(std::span<const double> ascending, double q) {
  if (ascending.empty()) throw std::invalid_argument("quantile of no samples");
  const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  if (below + 1 >= ascending.size()) return ascending.back();
  return std::lerp(ascending[below], ascending[below + 1], at - static_cast<double>(below));
}

double median(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return quantile(sorted, 0.5);
}

std::optional<Summary> summarize(std::span<const double> samples) {
  if (samples.empty() || !all_finite(samples)) return std::nullopt;
  Summary summary;
  double squares = 0;
  for (const double value : samples) {
    ++summary.count;
    const double delta = value - summary.mean;
    summary.mean += delta / static_cast<double>(summary.count);
    squares += delta * (value - summary.mean);
  }
  if (summary.count > 1) summary.stddev = std::sqrt(squares / static_cast<double>(summary.count - 1));
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  summary.min = sorted.front();
  summary.max = sorted.back();
  summary.p5 = quantile(sorted, 0.05);
  summary.p25 = quantile(sorted, 0.25);
  summary.p50 = quantile(sorted, 0.50);
  summary.p75 = quantile(sorted, 0.75);
  summary.p95 = quantile(sorted, 0.95);
  return summary;
}

std::optional<Interval> mean_interval(std::span<const double> samples) {
  const auto summary = summarize(samples);
  if (!summary || summary->count < 2) return std::nullopt;
  const auto count = static_cast<double>(summary->count);
  const double half = student_t_quantile(0.975, count - 1) * summary->stddev / std::sqrt(count);
  return Interval{summary->mean, summary->mean - half, summary->mean + half};
}

std::optional<Interval> bootstrap_interval(std::span<const double> samples, const Statistic& statistic,
                                           const BootstrapOptions& options) {
  if (samples.size() < 2 || options.resamples == 0 || !all_finite(samples)) return std::nullopt;
  std::mt19937_64 random(options.seed);
  std::vector<double> resample(samples.size());
  std::vector<double> outcomes(options.resamples);
  for (double& outcome : outcomes) {
    for (double& value : resample) value = samples[draw(random, samples.size())];
    outcome = statistic(resample);
  }
  std::sort(outcomes.begin(), outcomes.end());
  const double tail = 0.5 * (1 - options.confidence);
  return Interval{statistic(samples), quantile(outcomes, tail), quantile(outcomes, 1 - tail)};
}

std::optional<Interval> paired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                                     const BootstrapOptions& options) {
  if (numerator.size() != denominator.size()) return std::nullopt;
  std::vector<double> ratios(numerator.size());
  for (std::size_t i = 0; i < ratios.size(); ++i)
    ratios[i] = denominator[i] == 0 ? std::nan("") : numerator[i] / denominator[i];
  return bootstrap_interval(ratios, median, options);
}

}  // namespace millrace::stats
