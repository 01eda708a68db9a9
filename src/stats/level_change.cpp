// SPDX-License-Identifier: Apache-2.0
#include "stats/level_change.hpp"

#include <algorithm>
#include <cmath>

#include "stats/batch_means.hpp"
#include "stats/mean_of.hpp"
#include "stats/student_t.hpp"

namespace millrace::stats {
namespace {

constexpr std::size_t kShortestBatch = 25;
constexpr std::size_t kFewestMeans = 5;
constexpr double kFalseAlarms = 0.01;
constexpr std::size_t kLeastSide = 2;  // batches on either side of a step
constexpr double kStill = 0.05;        // share of the mean
constexpr std::size_t kMostStretches = 2;
constexpr double kDip = 1.0 / 3;  // share of the median
constexpr double kDipDeviations = 6;
constexpr double kDeviationOfMedian = 1.4826;  // standard deviation over median absolute deviation, normal

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// A straight line that fits exactly has no residual: any slope at all is then real.
bool exceeds(double effect, double error, double critical) {
  return error > 0 ? std::fabs(effect) / error > critical : effect != 0;
}

}  // namespace

std::vector<double> means_of_level(std::span<const double> series) {
  const std::size_t size = series.size();
  return batch_means(
      series, std::min(kFewestBatches, std::max(size / kShortestBatch, std::min<std::size_t>(size / 5, 8))));
}

LevelChange find_drift(std::span<const double> means) {
  if (means.size() < kFewestMeans) return {};
  const auto count = static_cast<double>(means.size());
  const double middle = 0.5 * (count - 1);
  const double mean = mean_of(means);
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    const double y = means[i] - mean;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const double slope = xy / xx;
  const double error = std::sqrt(std::max(0.0, yy - slope * xy) / ((count - 2) * xx));
  const double critical = student_t_quantile(1 - kFalseAlarms / 2, count - 2);
  return {exceeds(slope, error, critical), slope * count, 0, yy > 0 ? slope * xy / yy : 0};
}

LevelChange find_step(std::span<const double> means) {
  if (means.size() < kFewestMeans) return {};
  const auto count = static_cast<double>(means.size());
  const double mean = mean_of(means);
  double total = 0;
  for (const double value : means) total += (value - mean) * (value - mean);
  LevelChange best;
  double best_between = -1;
  double before = 0;  // sum of the deviations up to the split: CUSUM
  for (std::size_t i = 1; i + kLeastSide <= means.size(); ++i) {
    before += means[i - 1] - mean;
    if (i < kLeastSide) continue;
    const auto left = static_cast<double>(i);
    const double between = before * before * count / (left * (count - left));
    if (between <= best_between) continue;
    best_between = between;
    best = {false, -before / (count - left) - before / left, i, total > 0 ? between / total : 0};
  }
  const auto left = static_cast<double>(best.at);
  const double within = std::max(0.0, total - best_between) / (count - 2);
  const double error = std::sqrt(within * (1 / left + 1 / (count - left)));
  const double places = count - 2 * static_cast<double>(kLeastSide) + 1;
  best.real = exceeds(best.change, error, student_t_quantile(1 - kFalseAlarms / (2 * places), count - 2));
  return best;
}

LevelChange find_standstill(std::span<const double> means) {
  if (means.size() < kFewestMeans) return {};
  const double mean = mean_of(means);
  std::size_t stretches = 0;
  for (std::size_t i = 0; i < means.size(); ++i)
    if (means[i] < kStill * mean && (i == 0 || means[i - 1] >= kStill * mean)) ++stretches;
  const auto least = std::min_element(means.begin(), means.end());
  LevelChange found{stretches > 0 && stretches <= kMostStretches, *least - mean,
                    static_cast<std::size_t>(least - means.begin()), 0};
  if (found.real || stretches > 0) return found;
  const double median = median_of({means.begin(), means.end()});
  std::vector<double> off;
  for (const double value : means) off.push_back(std::fabs(value - median));
  const double deviation = kDeviationOfMedian * median_of(std::move(off));
  found.real = median - *least > std::max(kDip * std::fabs(median), kDipDeviations * deviation);
  return found;
}

}  // namespace millrace::stats
