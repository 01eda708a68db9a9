// SPDX-License-Identifier: Apache-2.0
// Where the pipeline's own step waits, by three runs of it: DS-Analyzer (Mohan et al. 2021, "Analyzing and
// Mitigating Data Stalls in DNN Training").
#pragma once

#include <optional>
#include <string>

#include "record/result.hpp"

namespace millrace::report {

// Shares of the cold step. DS-Analyzer's T1, T3 and T2 are the runs with the sources device, cached and cold.
struct StallShares {
  double waiting = 0;  // (cold − device) ÷ cold: for anything
  // How that splits; nothing where a cached run was slower than the cold one by more than a twentieth: the
  // page cache was then no faster than the drive, and the difference of the two says nothing about it.
  struct Split {
    double fetch = 0;  // (cold − cached) ÷ cold: for storage
    double prep = 0;   // (cached − device) ÷ cold: for preparation and the copy into the device
  };
  std::optional<Split> split;
};

// From the mean steps of the runs of `workload` with its data on the device, cached and cold, all at the
// scale and with the accelerators of the cold one; nothing where one of them is missing.
std::optional<StallShares> stall_shares(const record::Document& document, const std::string& workload);

// "highly input-bound": the bands of reference.md section 7 (TensorFlow's profiler): < 5 %, 5–20 %, ≥ 20 %.
std::string input_bound(const StallShares& shares);

}  // namespace millrace::report
