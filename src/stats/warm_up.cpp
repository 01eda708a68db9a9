// SPDX-License-Identifier: Apache-2.0
#include "stats/warm_up.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/batch_means.hpp"
#include "stats/level_change.hpp"
#include "stats/mean_of.hpp"

namespace millrace::stats {
namespace {
constexpr std::size_t kBatch = 5;
constexpr std::size_t kShort = 5;      // a cut of a fifth of the run is short
constexpr std::size_t kBlocks = 50;    // in the run
constexpr double kStillSlow = 0.25;    // share of the mean distance from the level of the rest
constexpr double kSmallBeside = 0.25;  // share of a burst's height

struct Cut {
  std::size_t at = 0;
  double statistic = std::numeric_limits<double>::infinity();
  // Considered from the back: on equality the smaller cut wins, and a constant series loses nothing.
  void consider(std::size_t cut, double its) {
    if (its <= statistic) *this = {cut, its};
  }
};

// Over the means of what is to be cut: was its first half slow in every block?
bool slow_from_the_start(std::span<const double> cut, std::size_t batches, double kept) {
  const double enough = kStillSlow * (kept - mean_of(cut));
  const std::size_t block = std::max<std::size_t>(1, batches / kBlocks);
  for (std::size_t at = 0; at + block <= std::max(block, cut.size() / 2); at += block)
    if (kept - mean_of(cut.subspan(at, block)) < enough) return false;
  return true;
}

bool keeps_its_level(std::span<const double> rest, double height) {
  const std::vector<double> means = means_of_level(rest);
  const auto matters = [&](const LevelChange& found) {
    return found.real && std::fabs(found.change) >= kSmallBeside * height;
  };
  return !find_standstill(means).real && !matters(find_step(means)) && !matters(find_drift(means));
}

}  // namespace

WarmUp find_warm_up(std::span<const double> series) {
  const std::size_t batches = series.size() / kBatch;
  if (series.size() < kFewestBatches) return {};
  const std::vector<double> means = batch_means(series.first(batches * kBatch), batches);
  // From the back, one more batch at a time, by Welford's update; so every cut's statistic costs O(1).
  const std::size_t last_cut = batches / 2;
  const std::size_t last_short = batches / kShort;
  Cut best, best_short;
  double mean = 0;
  double squares = 0;
  for (std::size_t cut = batches; cut-- > 0;) {
    const auto count = static_cast<double>(batches - cut);
    const double delta = means[cut] - mean;
    mean += delta / count;
    squares += delta * (means[cut] - mean);
    if (cut > last_cut) continue;
    const double statistic = squares / (count * count);
    best.consider(cut, statistic);
    if (cut <= last_short) best_short.consider(cut, statistic);
  }
  const std::size_t found = best.at;
  if (found == 0) return {};
  const auto height = [&](std::size_t cut) {
    return mean_of(std::span(means).first(cut)) - mean_of(std::span(means).subspan(cut));
  };
  const double kept = mean_of(std::span(means).subspan(found));
  const WarmUp all{found * kBatch, kept != 0 ? height(found) / kept : 0, found != last_cut};
  if (height(found) < 0) {
    const bool slow =
        found <= last_short || slow_from_the_start(std::span(means).first(found), batches, kept);
    return slow ? all : WarmUp{0, all.transient, all.settled};
  }
  // Noise alone moves the least beyond a burst's end, so one that ends too late is looked for again.
  const std::size_t end = best_short.at;
  const auto rest = series.subspan(end * kBatch);
  if (end == 0 || height(end) <= 0 || mean_of(rest) <= 0 || !keeps_its_level(rest, height(end)))
    return {0, all.transient, all.settled};
  return {end * kBatch, height(end) / mean_of(std::span(means).subspan(end)), true};
}

}  // namespace millrace::stats
