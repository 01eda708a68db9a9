// SPDX-License-Identifier: Apache-2.0
// Accelerator utilization of a job on a feed path, with its interval.
#pragma once

#include "diagnose/feed_path.hpp"
#include "diagnose/predict.hpp"

namespace millrace::diagnose {

struct Utilization {
  double value = 1, low = 0, high = 1;  // shares of the time that the accelerators compute; 95 %
};

Rates rates_of(const FeedPath& path);

// The value at the best figures of each hop; the interval by bootstrap: the hops' capacities drawn anew (see
// draw), solved anew, and the middle 95 % of the outcomes. Its lower end is 0 when an essential hop was not
// measured, since a limit promises nothing, or where a hop was measured without an interval.
Utilization utilization_of(const FeedPath& path, const Simulation& simulation);

inline constexpr int kResamples = 240;

}  // namespace millrace::diagnose
