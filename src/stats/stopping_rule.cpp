// SPDX-License-Identifier: Apache-2.0
#include "stats/stopping_rule.hpp"

#include <algorithm>
#include <cmath>

#include "stats/warm_up.hpp"

namespace millrace::stats {
namespace {

bool is_known(const SettledMean& mean, double target) {
  const bool level = mean.settled || std::fabs(mean.transient) <= 0.5 * target;
  return level && mean.half_width() <= target * std::fabs(mean.mean);
}

}  // namespace

std::optional<SettledMean> settled_mean(std::span<const double> series) {
  const WarmUp warm_up = find_warm_up(series);
  const auto estimate = mean_by_batches(series.subspan(warm_up.cut));
  if (!estimate) return std::nullopt;
  return SettledMean{*estimate, warm_up.cut, warm_up.transient, warm_up.settled};
}

StoppingRule::StoppingRule(const StoppingOptions& options)
    : options_(options), next_look_(std::max(options.first_look, kFewestBatches)) {
  options_.growth = std::max(options.growth, 1.1);
}

void StoppingRule::catch_up(std::span<const double> whole_series) {
  if (whole_series.size() <= series_.size()) return;
  const auto gained = whole_series.subspan(series_.size());
  series_.insert(series_.end(), gained.begin(), gained.end());
}

bool StoppingRule::is_finished(Duration elapsed) {
  if (result_.finished) return true;
  if (series_.size() >= next_look_) {
    ++looks_;
    next_look_ = static_cast<std::size_t>(std::ceil(static_cast<double>(series_.size()) * options_.growth));
    result_.estimate = settled_mean(series_);
    if (result_.estimate && is_known(*result_.estimate, options_.target)) {
      result_.finished = true;
      result_.reason = "converged";
      return true;
    }
  }
  if (elapsed < options_.max_time) return false;
  result_.finished = true;
  result_.reason = "time limit";
  result_.estimate = settled_mean(series_);
  return true;
}

}  // namespace millrace::stats
