// SPDX-License-Identifier: Apache-2.0
// What the words of GpuFacts::clocks_held_by mean.
#pragma once

#include <string>
#include <string_view>

namespace millrace::topology::nvml {

// The GPU runs slower than it would, because of heat or power: a measurement under it is not of the GPU at
// its best.
bool is_throttling(std::string_view word);
// Somebody set a clock, or grouped GPUs to run alike.
bool is_setting(std::string_view word);
std::string words_for_people(std::string_view word);

}  // namespace millrace::topology::nvml
