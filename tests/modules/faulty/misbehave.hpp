// SPDX-License-Identifier: Apache-2.0
// The ways in which a vendor's driver ruins the process that it is called in.
#pragma once

#include <string_view>

#include "millrace/probe.hpp"

namespace faulty {

inline constexpr const char* kDeeds =
    "hang|hang-hard|stuck|slow|crash|abort|exit|throw|throw-number|leak|fail|fail-and-hang|fail-mutely|"
    "unavailable|odd-text";

// Does it. Returns what the phase is to return, where it returns at all.
millrace::sdk::Outcome misbehave(std::string_view deed, const millrace::sdk::Host& host);

// The honest part of every probe here: counts turns of a loop until cancelled.
millrace::sdk::Outcome count_turns(const millrace::sdk::Host& host);

extern const millrace_probe kPhases, kRaw, kLiar, kLeftover, kRanks;

}  // namespace faulty
