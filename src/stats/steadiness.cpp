// SPDX-License-Identifier: Apache-2.0
#include "stats/steadiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/batch_means.hpp"
#include "stats/level_change.hpp"
#include "stats/mean_of.hpp"

namespace millrace::stats {
namespace {

constexpr std::size_t kFewest = 200;
constexpr std::size_t kBlock = 5;    // values whose mean is one block of the search for two levels
constexpr double kTwoLevels = 0.85;  // share of the variance
constexpr double kLeastStay = 2;     // blocks
constexpr std::size_t kLeastChanges = 3;

LevelChange find_flapping(std::span<const double> series) {
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
    case Unsteadiness::kStandstill:
      return "a standstill";
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
  const auto matters = [&](const LevelChange& finding, double least) {
    return finding.real && std::fabs(finding.change) >= least * scale;
  };
  // Flapping first: its levels may also look like a step, and it says more.
  if (const LevelChange found = find_flapping(kept); matters(found, options.flapping_matters))
    return {Unsteadiness::kFlapping, found.change / scale, 0};
  const std::vector<double> means = means_of_level(kept);
  const LevelChange step = find_step(means);
  const LevelChange drift = find_drift(means);
  const bool stepped = matters(step, options.matters);
  const bool drifted = matters(drift, options.matters);
  if (stepped || drifted) {
    // Each test also sees the other's kind: what leaves less unexplained names it.
    const bool is_step = stepped && (!drifted || step.explained > drift.explained);
    if (!is_step) return {Unsteadiness::kDrift, drift.change / scale, 0};
    return {Unsteadiness::kStep, step.change / scale, from + kept.size() * step.at / means.size()};
  }
  if (const LevelChange still = find_standstill(means); still.real)
    return {Unsteadiness::kStandstill, still.change / scale, from + kept.size() * still.at / means.size()};
  // A drift of just the size that matters sets the halves apart by half of it.
  if (!warm_up.settled && std::fabs(warm_up.transient) >= 0.5 * options.matters)
    return {Unsteadiness::kUnsettled, warm_up.transient, 0};
  return {};
}

}  // namespace millrace::stats
