// SPDX-License-Identifier: Apache-2.0
#include "diagnose/latency/distribution.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::diagnose {
namespace {

constexpr double kP99InSigmas = 2.3263478740408408;  // of the standard normal distribution
constexpr double kRounding = 1e-12;                  // of sums of many masses

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

}  // namespace

void Distribution::add(double s, double share) {
  const double at = s / grid_.step_s;
  const double floor = std::floor(at);
  if (!(floor >= 0) || floor >= static_cast<double>(grid_.points)) {
    beyond_ += share;
    return;
  }
  const auto index = static_cast<std::size_t>(floor);
  const double above = at - floor;
  mass_[index] += share * (1 - above);
  if (above <= 0) return;
  if (index + 1 < grid_.points)
    mass_[index + 1] += share * above;
  else
    beyond_ += share * above;
}

Distribution Distribution::constant(double s, Grid grid) {
  Distribution out(grid);
  out.add(s, 1);
  return out;
}

Distribution Distribution::log_normal(double p50_s, double p99_s, Grid grid) {
  if (p99_s <= p50_s || p50_s <= 0) return constant(p50_s, grid);
  const double sigma = std::log(p99_s / p50_s) / kP99InSigmas;
  const auto below = [&](double s) { return s <= 0 ? 0.0 : normal_cdf(std::log(s / p50_s) / sigma); };
  Distribution out(grid);
  // Each point has what lies nearer to it than to the next ones.
  double before = 0;
  for (std::size_t k = 0; k < grid.points; ++k) {
    const double upto = below((static_cast<double>(k) + 0.5) * grid.step_s);
    out.mass_[k] = upto - before;
    before = upto;
  }
  out.beyond_ = 1 - before;
  return out;
}

Distribution Distribution::counted(const stats::LatencyHistogram& histogram, double scale, Grid grid) {
  Distribution out(grid);
  const auto count = static_cast<double>(histogram.count());
  for (const auto& [bucket, times] : histogram.sparse()) {
    const auto low = static_cast<double>(millrace_latency_bucket_floor(bucket));
    const double high = bucket + 1 < MILLRACE_LATENCY_BUCKETS
                            ? static_cast<double>(millrace_latency_bucket_floor(bucket + 1)) - 1
                            : low;
    out.add(scale * 1e-9 * (low + high) / 2, static_cast<double>(times) / count);
  }
  return out;
}

Distribution Distribution::plus(const Distribution& other) const {
  Distribution out(grid_);
  const auto used = [](const std::vector<double>& mass) {
    std::size_t end = mass.size();
    while (end > 0 && mass[end - 1] <= 0) --end;
    return end;
  };
  const std::size_t mine = used(mass_), theirs = used(other.mass_), points = grid_.points;
  for (std::size_t i = 0; i < mine; ++i) {
    const double share = mass_[i];
    if (share <= 0) continue;
    const std::size_t end = std::min(theirs, points - i);
    for (std::size_t j = 0; j < end; ++j) out.mass_[i + j] += share * other.mass_[j];
  }
  double on_grid = 0;
  for (const double share : out.mass_) on_grid += share;
  out.beyond_ = std::max(0.0, 1 - on_grid);
  return out;
}

Distribution Distribution::longest_of(int ranks) const {
  Distribution out(grid_);
  double below = 0, before = 0;
  for (std::size_t k = 0; k < grid_.points; ++k) {
    below += mass_[k];
    const double all = std::pow(std::min(below, 1.0), ranks);
    out.mass_[k] = all - before;
    before = all;
  }
  out.beyond_ = 1 - before;
  return out;
}

std::optional<double> Distribution::quantile(double q) const {
  double below = 0;
  for (std::size_t k = 0; k < grid_.points; ++k) {
    below += mass_[k];
    if (below >= q - kRounding) return static_cast<double>(k) * grid_.step_s;
  }
  return std::nullopt;
}

double Distribution::mean_s() const {
  double sum = 0;
  for (std::size_t k = 0; k < grid_.points; ++k) sum += static_cast<double>(k) * mass_[k];
  return sum * grid_.step_s;
}

bool Distribution::is_constant() const {
  const auto first = std::find_if(mass_.begin(), mass_.end(), [](double share) { return share > 0; });
  if (first == mass_.end() || beyond_ > kRounding) return false;
  const auto at = static_cast<std::size_t>(first - mass_.begin());
  const double two = mass_[at] + (at + 1 < mass_.size() ? mass_[at + 1] : 0);
  return two >= 1 - kRounding;
}

}  // namespace millrace::diagnose
