// SPDX-License-Identifier: Apache-2.0
// How far the ranks of all hosts may run (continue_until): decided in one place, ahead of the slowest rank,
// so that nobody waits for the answer and all stop at one iteration.
#pragma once

#include <cstdint>
#include <span>

#include "run/other_hosts.hpp"

namespace millrace::run::peer {

// Iterations (exclusive) that reach `horizon_ns` beyond where the slowest rank is now, by the slowest pace;
// one at a time while a pace is unknown, and never far more than was run between two questions before: the
// first iterations may be over at once. `hosts` is not empty.
std::uint64_t next_grant(std::span<const Pace> hosts, std::uint64_t horizon_ns);

}  // namespace millrace::run::peer
