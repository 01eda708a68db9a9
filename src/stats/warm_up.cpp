// SPDX-License-Identifier: Apache-2.0
#include "stats/warm_up.hpp"

#include <numeric>
#include <vector>

#include "stats/batch_means.hpp"

namespace millrace::stats {
namespace {
constexpr std::size_t kBatch = 5;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
}  // namespace

WarmUp find_warm_up(std::span<const double> series) {
  const std::size_t batches = series.size() / kBatch;
  if (series.size() < kFewestBatches) return {};
  const std::vector<double> means = batch_means(series.first(batches * kBatch), batches);
  // From the back, one more batch at a time, by Welford's update; so every cut's statistic costs O(1).
  const std::size_t last_cut = batches / 2;
  std::size_t best = 0;
  double best_statistic = 0;
  double mean = 0;
  double squares = 0;
  for (std::size_t cut = batches; cut-- > 0;) {
    const auto count = static_cast<double>(batches - cut);
    const double delta = means[cut] - mean;
    mean += delta / count;
    squares += delta * (means[cut] - mean);
    if (cut > last_cut) continue;
    const double statistic = squares / (count * count);
    // On equality the smaller cut wins: a constant series loses nothing.
    if (cut == last_cut || statistic <= best_statistic) {
      best = cut;
      best_statistic = statistic;
    }
  }
  const double kept = mean_of(std::span(means).subspan(best));
  const double transient = best > 0 && kept != 0 ? mean_of(std::span(means).first(best)) / kept - 1 : 0;
  return {best * kBatch, transient, best != last_cut};
}

}  // namespace millrace::stats
