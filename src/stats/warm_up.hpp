// SPDX-License-Identifier: Apache-2.0
// Where a series has settled: the truncation rule MSER-5.
#pragma once

#include <cstddef>
#include <span>

namespace millrace::stats {

struct WarmUp {
  std::size_t cut = 0;  // values to leave out at the front, a multiple of five
  // The mean of what is cut less the mean of what is kept, as a share of the latter.
  double transient = 0;
  // False: the best cut lies at the end of what was searched, so the transient may go on.
  bool settled = true;
};

// MSER-5 (White 1997; White, Cobb & Spratt 2000): over the means of batches of five, cut where the squared
// standard error of what remains, sum of squares about its mean / (remaining batches)^2, is least. Only the
// first half is searched, since near the end the statistic feeds on chance. O(n). Fewer than 20 values are
// not cut.
WarmUp find_warm_up(std::span<const double> series);

}  // namespace millrace::stats
