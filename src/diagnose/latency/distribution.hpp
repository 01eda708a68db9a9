// SPDX-License-Identifier: Apache-2.0
// The distribution of a time, on a grid, and what is made of several: sums, maxima, quantiles. Pure
// arithmetic.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "stats/latency_histogram.hpp"

namespace millrace::diagnose {

struct Grid {
  double step_s = 0;
  std::size_t points = 0;
  [[nodiscard]] double end_s() const { return step_s * static_cast<double>(points - 1); }
};

// Masses stand at the points 0, step, 2·step, … A time between two points is shared by them so that the mean
// is kept; what lies beyond the last one is known as a share alone, so that no quantile there is ever
// invented.
class Distribution {
 public:
  Distribution() = default;  // of a time that is always 0, on a grid of one point
  explicit Distribution(Grid grid) : grid_(grid), mass_(grid.points) {}

  static Distribution constant(double s, Grid grid);
  // Through a median and a 99th percentile, as far as two figures tell: log-normal, whose tail falls slowly.
  // Constant where they are the same.
  static Distribution log_normal(double p50_s, double p99_s, Grid grid);
  // Counted times, each `scale` times as long (2: of half a round trip).
  static Distribution counted(const stats::LatencyHistogram& histogram, double scale, Grid grid);

  void add(double s, double share);

  // Of the sum of two times that do not depend on each other: the convolution. Both on the same grid.
  [[nodiscard]] Distribution plus(const Distribution& other) const;
  // Of the longest of `ranks` times that do not depend on each other: F^ranks.
  [[nodiscard]] Distribution longest_of(int ranks) const;

  // The least point that a share of q does not exceed; nothing where it lies beyond the grid.
  [[nodiscard]] std::optional<double> quantile(double q) const;
  [[nodiscard]] double mean_s() const;  // of what is on the grid
  [[nodiscard]] double beyond() const { return beyond_; }
  [[nodiscard]] const std::vector<double>& mass() const { return mass_; }
  [[nodiscard]] Grid grid() const { return grid_; }
  [[nodiscard]] bool is_constant() const;  // within a step

 private:
  friend std::optional<Distribution> waiting_time(const Distribution& service, double arrivals_per_s);
  Grid grid_{1, 1};
  std::vector<double> mass_{1.0};
  double beyond_ = 0;
};

}  // namespace millrace::diagnose
