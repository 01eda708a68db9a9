// SPDX-License-Identifier: Apache-2.0
// Where the pipeline's own step waits, by three runs of it: DS-Analyzer (Mohan et al. 2021, "Analyzing and
// Mitigating Data Stalls in DNN Training").
#pragma once

#include <optional>
#include <string>

#include "record/result.hpp"

namespace millrace::report {

struct StallShares {
  double fetch = 0;  // (cold − cached) ÷ cold: waiting for storage
  double prep = 0;   // (cached − synthetic) ÷ cold: waiting for preparation
};

// From the mean steps of the runs of `workload` with a synthetic, a cached and a cold source, all at the
// scale and with the accelerators of the cold one; nothing where one of them is missing.
std::optional<StallShares> stall_shares(const record::Document& document, const std::string& workload);

// "highly input-bound": the bands of reference.md section 7 (TensorFlow's profiler): < 5 %, 5–20 %, ≥ 20 %.
std::string input_bound(const StallShares& shares);

}  // namespace millrace::report
