// SPDX-License-Identifier: Apache-2.0
// Where a series has settled: the truncation rule MSER-5, held against what a warm-up can be.
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
// first half is searched: an optimum beyond it says that the run is too short to tell (White 1997). O(n).
// Fewer than 20 values are not cut.
//
// MSER presumes that what follows a transient is stationary. Where it is not (a device that stops or slows
// down later on), the part with the least variance is the standstill, and the good data go. So the cut stands
// only where it can be a warm-up:
//  - a slow start, of any length that MSER says; above a fifth of the run only if it was slow from the start:
//    in none of the blocks of the first half of the cut (a 50th of the run each) was the rate already near
//    that of the rest (a quarter of the way, or more, below it);
//  - a fast start, which is a burst (token bucket, write cache): a fifth of the run at most, and only where
//    the rest keeps its level: it has no standstill, and no step or drift of a quarter of the burst's height.
//    The cut is then the best within that fifth.
// Else nothing is cut, and judge_steadiness sees the whole.
WarmUp find_warm_up(std::span<const double> series);

}  // namespace millrace::stats
