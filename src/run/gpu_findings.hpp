// SPDX-License-Identifier: Apache-2.0
// What measurements showed of GPUs under load, as findings: idle GPUs are neither hot nor at their power
// limit.
#pragma once

#include <vector>

#include "record/result.hpp"

namespace millrace::run {

// "gpu-throttled" for each GPU that was, with the measurement that it was longest in and what held its clocks
// down.
std::vector<topology::Finding> findings_of_gpus(const std::vector<record::Measurement>& measurements);

}  // namespace millrace::run
