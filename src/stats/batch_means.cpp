// SPDX-License-Identifier: Apache-2.0
#include "stats/batch_means.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stats/student_t.hpp"

namespace millrace::stats {
namespace {
// The correlation of 20 neighbours is itself known to +-0.2 only; beyond this it is a trend, not a
// correlation.
constexpr double kMostKinship = 0.5;
}  // namespace

std::size_t batch_count(std::size_t slices) {
  return std::max(kFewestBatches,
                  static_cast<std::size_t>(2 * std::cbrt(static_cast<double>(slices)) + 1e-9));
}

std::vector<double> batch_means(std::span<const double> series, std::size_t batches) {
  if (batches == 0 || series.size() < batches) return {};
  std::vector<double> means(batches);
  for (std::size_t i = 0; i < batches; ++i) {
    const auto part = series.subspan(series.size() * i / batches,
                                     series.size() * (i + 1) / batches - series.size() * i / batches);
    means[i] = std::accumulate(part.begin(), part.end(), 0.0) / static_cast<double>(part.size());
  }
  return means;
}

std::optional<MeanEstimate> mean_by_batches(std::span<const double> series) {
  if (series.size() < kFewestBatches) return std::nullopt;
  const std::vector<double> means = batch_means(series, std::min(batch_count(series.size()), series.size()));
  const auto count = static_cast<double>(means.size());
  const double mean = std::accumulate(series.begin(), series.end(), 0.0) / static_cast<double>(series.size());
  double squares = 0;
  for (const double value : means) squares += (value - mean) * (value - mean);
  double neighbours = 0;
  for (std::size_t i = 1; i < means.size(); ++i) neighbours += (means[i] - mean) * (means[i - 1] - mean);
  const double kinship = squares > 0 ? std::clamp(neighbours / squares, 0.0, kMostKinship) : 0;
  squares *= (1 + kinship) / (1 - kinship);
  const double error = std::sqrt(squares / ((count - 1) * count));
  const double half = student_t_quantile(0.975, count - 1) * error;
  return MeanEstimate{mean, mean - half, mean + half, means.size()};
}

}  // namespace millrace::stats
