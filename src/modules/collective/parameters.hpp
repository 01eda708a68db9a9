// SPDX-License-Identifier: Apache-2.0
// The parameters of collectives: those that each has, whatever library moves the bytes, and what single ones
// have besides.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/probe.hpp"
#include "modules/collective/elements.hpp"

namespace millrace::collective {

inline constexpr std::array kEveryCollective{
    sdk::parameter(
        "size", MILLRACE_BYTES, "64MiB",
        "the whole array, as nccl-tests count it: of all_gather and reduce_scatter what is gathered", 1,
        1e12),
    sdk::choice("type", kTypeNames, "float", "of the elements"),
    sdk::parameter(
        "region", MILLRACE_BYTES, "",
        "a rank's arrays rotate through so much memory; 0: one array again and again; default: twice the "
        "last cache",
        0, 1e12),
    sdk::parameter("verify", MILLRACE_FLAG, "on",
                   "check results to the bit, apart from those that are timed"),
    sdk::parameter("timeout", MILLRACE_DURATION, "20s", "give a collective up that is not over by then", 1e8,
                   6e11),
};
inline constexpr std::array kReducing{sdk::choice("op", kOperationNames, "sum", "how elements are combined")};
inline constexpr std::array kInPlace{
    sdk::parameter("in-place", MILLRACE_FLAG, "off", "the output takes the input's place")};
inline constexpr std::array kRoot{
    sdk::parameter("root", MILLRACE_COUNT, "0", "the rank whose array all get, or that gets all", 0, 4095)};

template <std::size_t... kSizes>
constexpr auto joined(const std::array<millrace_parameter, kSizes>&... parts) {
  std::array<millrace_parameter, (kSizes + ...)> all{};
  std::size_t at = 0;
  ((std::copy(parts.begin(), parts.end(), all.begin() + at), at += kSizes), ...);
  return all;
}

// A probe whose parameters are such an array.
template <typename T, std::size_t N>
constexpr millrace_probe probe_with(const char* name, const char* summary,
                                    const std::array<millrace_parameter, N>& parameters) {
  constexpr millrace_parameter kNone[] = {{}};
  millrace_probe probe = sdk::probe<T>(name, summary, kNone);
  probe.parameters = parameters.data();
  probe.parameter_count = static_cast<std::uint32_t>(N);
  return probe;
}

}  // namespace millrace::collective
