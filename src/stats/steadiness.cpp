// SPDX-License-Identifier: Apache-2.0
#include "stats/steadiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "stats/batch_means.hpp"
#include "stats/student_t.hpp"

namespace millrace::stats {
namespace {

constexpr std::size_t kFewest = 200;
// A batch shorter than the correlation time passes correlation off as a step: seen with 10 values a batch and
// AR(1), phi = 0.9, in 18 % of runs. So a short series is cut into fewer.
constexpr std::size_t kShortestBatch = 25;
constexpr double kFalseAlarms = 0.01;
constexpr std::size_t kLeastSide = 2;  // batches on either side of a step
constexpr std::size_t kBlock = 5;      // values whose mean is one block of the search for two levels
constexpr double kTwoLevels = 0.85;    // share of the variance
constexpr double kLeastStay = 2;       // blocks
constexpr std::size_t kLeastChanges = 3;

struct Finding {
  bool real = false;
  double change = 0;     // in the unit of the series
  std::size_t at = 0;    // in batches
  double explained = 0;  // share of the variance of the batch means
};

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// A straight line that fits exactly has no residual: any slope at all is then real.
bool exceeds(double effect, double error, double critical) {
  return error > 0 ? std::fabs(effect) / error > critical : effect != 0;
}

Finding find_drift(std::span<const double> means) {
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

Finding find_step(std::span<const double> means) {
  const auto count = static_cast<double>(means.size());
  const double mean = mean_of(means);
  double total = 0;
  for (const double value : means) total += (value - mean) * (value - mean);
  Finding best;
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

Finding find_flapping(std::span<const double> series) {
  const std::vector<double> blocks = batch_means(series, series.size() / kBlock);
  std::vector<double> sorted = blocks;
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<double>(sorted.size());
  const double mean = mean_of(sorted);
  double total = 0;
  for (const double value : sorted) total += (value - mean) * (value - mean);
  double best = -1, low_level = 0, high_level = 0, below = 0;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    below += sorted[i - 1] - mean;
    const auto low = static_cast<double>(i);
    const double between = below * below * count / (low * (count - low));
    if (between <= best) continue;
    best = between;
    low_level = mean + below / low;
    high_level = mean - below / (count - low);
  }
  // A level is reached within a quarter of the gap of it: noise about the middle is no change of level.
  const double gap = high_level - low_level;
  std::size_t changes = 0;
  bool is_high = blocks.front() > 0.5 * (low_level + high_level);
  for (const double value : blocks) {
    const bool other = is_high ? value < low_level + 0.25 * gap : value > high_level - 0.25 * gap;
    changes += other ? 1 : 0;
    is_high = is_high != other;
  }
  const bool stays = count / static_cast<double>(changes + 1) >= kLeastStay;
  return {total > 0 && best >= kTwoLevels * total && changes >= kLeastChanges && stays, gap, 0, 0};
}

}  // namespace

std::string Steadiness::text() const {
  switch (kind) {
    case Unsteadiness::kUnsettled:
      return "the warm-up does not end within the first half of the run";
    case Unsteadiness::kDrift:
      return fmt::format("a drift of {:+.0f} % over the run", 100 * change);
    case Unsteadiness::kStep:
      return fmt::format("a step of {:+.0f} %", 100 * change);
    case Unsteadiness::kFlapping:
      return fmt::format("flapping between two levels {:.0f} % of the mean apart", 100 * change);
    case Unsteadiness::kNone:
    case Unsteadiness::kTooShort:
      break;
  }
  return {};
}

Steadiness judge_steadiness(std::span<const double> series, const WarmUp& warm_up,
                            const SteadinessOptions& options) {
  const std::size_t from = std::min(warm_up.cut, series.size() / 5);
  const auto kept = series.subspan(from);
  if (series.size() < kFewest) return {Unsteadiness::kTooShort, 0, 0};
  const double scale = std::fabs(mean_of(kept));
  const auto matters = [&](const Finding& finding, double least) {
    return finding.real && std::fabs(finding.change) >= least * scale;
  };
  // Flapping first: its levels may also look like a step, and it says more.
  if (const Finding found = find_flapping(kept); matters(found, options.flapping_matters))
    return {Unsteadiness::kFlapping, found.change / scale, 0};
  const std::vector<double> means = batch_means(kept, std::min(kFewestBatches, kept.size() / kShortestBatch));
  const Finding step = find_step(means);
  const Finding drift = find_drift(means);
  const bool stepped = matters(step, options.matters);
  const bool drifted = matters(drift, options.matters);
  if (stepped || drifted) {
    // Each test also sees the other's kind: what leaves less unexplained names it.
    const bool is_step = stepped && (!drifted || step.explained > drift.explained);
    if (!is_step) return {Unsteadiness::kDrift, drift.change / scale, 0};
    return {Unsteadiness::kStep, step.change / scale, from + kept.size() * step.at / means.size()};
  }
  // A drift of just the size that matters sets the halves apart by half of it.
  if (!warm_up.settled && std::fabs(warm_up.transient) >= 0.5 * options.matters)
    return {Unsteadiness::kUnsettled, warm_up.transient, 0};
  return {};
}

}  // namespace millrace::stats
