// SPDX-License-Identifier: Apache-2.0
// Arithmetic on what another host says, which may be anything: unsigned, it wraps around without harm.
#pragma once

#include <cstdint>

namespace millrace::run::peer {

inline std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline std::int64_t wrapping_difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace millrace::run::peer
