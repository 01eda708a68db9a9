// SPDX-License-Identifier: Apache-2.0
// What measurements showed of GPUs under load, as findings: idle GPUs are neither hot nor at their power
// limit.
#pragma once

#include <vector>

#include "record/result.hpp"

namespace millrace::run {

// "gpu-throttled" for each GPU that was, with the measurement that it was longest in and what held its clocks
// down; and "gpu-slow" for each whose own memory moved less than 95 % of what that of the host's other GPUs
// of its model did, in one measurement of gpu.memory.
std::vector<topology::Finding> findings_of_gpus(const record::Document& document);

}  // namespace millrace::run
