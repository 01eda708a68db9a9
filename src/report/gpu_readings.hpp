// SPDX-License-Identifier: Apache-2.0
// What NVML read of the GPUs of a measurement, a line a GPU.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/result.hpp"

namespace millrace::report {

// Of the metrics that the core reads around each measurement on a GPU: "gpu:0:power_w",
// "gpu:0:before:sm_clock_mhz".
bool is_reading_of_a_gpu(std::string_view metric);

// "gpu:0" and "SM clock 1980 MHz, memory clock 2619 MHz, 118 to 131 W, 40 to 52 degrees C (40 before), 142 J;
// held down by sw_thermal for 0.9 s".
std::vector<std::pair<std::string, std::string>> gpu_readings(const record::Measurement& m);

}  // namespace millrace::report
