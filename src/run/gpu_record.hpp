// SPDX-License-Identifier: Apache-2.0
// What was read of the GPUs, in the record of their measurement.
#pragma once

#include <span>

#include "record/result.hpp"
#include "run/gpu_summary.hpp"
#include "run/launch.hpp"

namespace millrace::run {

// Of all repeats that ran; of other hosts by the counters that these sent, which the measurement has already.
// The energy is that of all GPUs and repeats together: where one is unknown, so is the sum.
void record_gpus(const InstancePlan& plan, std::span<const GpuSummary> repeats, record::Measurement& m);

}  // namespace millrace::run
