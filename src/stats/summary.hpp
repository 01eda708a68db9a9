// SPDX-License-Identifier: Apache-2.0
// What a handful of independent samples says: their summary, and intervals over repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace millrace::stats {

struct Summary {
  std::size_t count = 0;
  double mean = 0;
  double stddev = 0;  // of the sample (n - 1); 0 for a single one
  double min = 0, max = 0;
  double p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0;  // as `quantile` has them
};

// The quantile q in [0, 1] of samples in ascending order, by linear interpolation between the two at
// (n - 1) * q: type 7 of Hyndman & Fan (1996), the default of R and NumPy. Throws std::invalid_argument where
// there are no samples.
double quantile(std::span<const double> ascending, double q);
double median(std::span<const double> samples);

// Mean and deviation by Welford's update (1962), which does not cancel where the spread is small beside the
// mean. Nothing where there are no samples, or where one of them is not finite.
std::optional<Summary> summarize(std::span<const double> samples);

struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};

// The mean with its 95 % interval by Student's t, for samples that are independent: one per repeat, not one
// per slice. Nothing for fewer than two, or where one of them is not finite.
std::optional<Interval> mean_interval(std::span<const double> samples);

using Statistic = std::function<double(std::span<const double>)>;

struct BootstrapOptions {
  std::uint64_t seed = 1;
  std::size_t resamples = 2000;
  double confidence = 0.95;
};

// The statistic of the samples with its percentile bootstrap interval (Efron 1979), which needs no assumption
// about their distribution but at least some ten samples. The same seed gives the same interval, on every
// platform. Nothing for fewer than two samples, without resamples, or where one sample is not finite.
std::optional<Interval> bootstrap_interval(std::span<const double> samples, const Statistic& statistic,
                                           const BootstrapOptions& options = {});

// The median of numerator[i] / denominator[i], for measurements taken in pairs (as A B, B A), with its
// bootstrap interval over the pairs. Nothing where the two differ in length, hold fewer than two, or a ratio
// is not finite.
std::optional<Interval> paired_ratio(std::span<const double> numerator, std::span<const double> denominator,
                                     const BootstrapOptions& options = {});

}  // namespace millrace::stats
