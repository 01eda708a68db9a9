// SPDX-License-Identifier: Apache-2.0
// Why NVML says that a GPU's clocks are lower than they could be, and its temperature: what facts and samples
// both ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/nvml/library.hpp"

namespace millrace::topology::nvml {

// The bits of nvmlClocksEventReasons.
std::optional<std::uint64_t> clock_reasons(const Library& nvml, nvmlDevice_t device);
// "idle", "sw_power_cap", "hw_slowdown", "sync_boost", "sw_thermal", "hw_thermal", "power_brake",
// "display_clock", "application_clocks"; bits of newer drivers are left out.
std::vector<std::string> words_of(std::uint64_t reasons);

std::optional<double> temperature(const Library& nvml, nvmlDevice_t device);  // degrees Celsius

}  // namespace millrace::topology::nvml
