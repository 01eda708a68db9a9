// SPDX-License-Identifier: Apache-2.0
// Which hop is at 100 % when the step rate is at its highest.
#pragma once

#include <vector>

#include "diagnose/feed_path.hpp"

namespace millrace::diagnose {

// A hop's use by the workload when fed at full speed: needed ÷ available. The interval runs over the
// capacity's.
struct Load {
  const Hop* hop = nullptr;
  double use = 0, low = 0, high = 0;
};

// Most used first; hops of which nothing is known are not among them.
std::vector<Load> loads_of(const FeedPath& path, double demand_of_one_bytes_per_s, int accelerators);

// The hop on top, and the measured ones that bind instead of it (or within 1 % of it) in at least one of
// twenty draws of the capacities: those whose intervals overlap enough that nobody can tell which binds
// first. A hop that by its best figure is used half as much as the top one is not among them, however poorly
// it is known.
std::vector<Load> tied_at_the_top(const std::vector<Load>& loads);

std::vector<record::RankedHop> ranking(const std::vector<Load>& loads, double demand_of_one_bytes_per_s,
                                       int accelerators);
record::Bottleneck bottleneck(const Load& load, double demand_of_one_bytes_per_s, int accelerators);

}  // namespace millrace::diagnose
