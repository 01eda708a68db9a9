// SPDX-License-Identifier: Apache-2.0
// What CPU time a byte of a workload's records costs, with its 95 % interval.
#pragma once

#include <limits>
#include <vector>

#include "record/result.hpp"

namespace millrace::diagnose {

// CPU-seconds per byte. A mean of 0: nothing was counted. Where nobody knows the interval it bounds nothing.
struct CpuCost {
  double mean = 0, low = 0, high = std::numeric_limits<double>::infinity();
  std::vector<double> repeats;  // whose mean it is; empty: the sum over all repeats alone is known
  bool spread_is_of_rate = false;
};

// Of the workers that read (conventions.hpp): their user and system time over the bytes that they moved.
CpuCost cost_of_reading(const record::Measurement& reading);
// Of a pipeline's stages between the drive and the device, preparation and copying: their threads' CPU time
// over the bytes of the workload's records that it moved.
//
// Both: the mean over the repeats with its interval by Student's t, as any rate has it. With one repeat, or
// in a document that keeps no CPU time of each repeat, the interval is as wide as that of the measurement's
// rate, which stands for it: a repeat that was disturbed shows in both.
CpuCost cost_of_stages(const record::Measurement& run);

// The sum of costs of measurements that had their repeats in turn: repeat by repeat where each has as many,
// with the interval by Student's t over the sums; else half-widths add in quadrature.
CpuCost sum_of_costs(const std::vector<CpuCost>& costs);
// Of data that lie on several drives in equal parts: the mean of what reading from each costs.
CpuCost mean_of_costs(const std::vector<CpuCost>& costs);

}  // namespace millrace::diagnose
