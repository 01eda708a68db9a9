// SPDX-License-Identifier: Apache-2.0
// The parameters of collectives: those that each has, and what single ones have besides.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "millrace/probe.hpp"
#include "modules/collective/elements.hpp"

namespace millrace::gloo {

inline constexpr std::array kCommonParameters{
    sdk::parameter(
        "size", MILLRACE_BYTES, "64MiB",
        "the whole array, as nccl-tests count it: of all_gather and reduce_scatter what is gathered", 1,
        1e12),
    sdk::parameter("ranks", MILLRACE_COUNT, "2", "ranks on each host", 1, 64),
    sdk::choice("type", collective::kTypeNames, "float", "of the elements"),
    sdk::parameter(
        "region", MILLRACE_BYTES, "",
        "a rank's arrays rotate through so much memory; 0: one array again and again; default: twice the "
        "last cache",
        0, 1e12),
    sdk::parameter("verify", MILLRACE_FLAG, "on", "check one result to the bit before it is measured"),
    sdk::parameter("timeout", MILLRACE_DURATION, "20s", "give a collective up that is not over by then", 1e8,
                   6e11),
    sdk::parameter(
        "address", MILLRACE_ADDRESS, "",
        "numeric IP address of the ranks here; default: that by which the hosts know each other, or "
        "loopback on one host"),
    sdk::parameter("peer-address", MILLRACE_ADDRESS, "", "the same of the other host"),
};

inline constexpr std::array kReducing{
    sdk::choice("op", collective::kOperationNames, "sum", "how elements are combined")};
inline constexpr std::array kInPlace{
    sdk::parameter("in-place", MILLRACE_FLAG, "off", "the output takes the input's place")};
inline constexpr std::array kInPlaceOnly{
    sdk::parameter("in-place", MILLRACE_FLAG, "on", "the output takes the input's place: Gloo's only way")};
inline constexpr std::array kAlgorithm{
    sdk::choice("algorithm", "ring|bcube", "ring", "of Gloo: a ring, or hypercubes, for small arrays")};
inline constexpr std::array kRoot{
    sdk::parameter("root", MILLRACE_COUNT, "0", "the rank whose array all get", 0, 4095)};

template <std::size_t... kSizes>
constexpr auto joined(const std::array<millrace_parameter, kSizes>&... parts) {
  std::array<millrace_parameter, (kSizes + ...)> all{};
  std::size_t at = 0;
  ((std::copy(parts.begin(), parts.end(), all.begin() + at), at += kSizes), ...);
  return all;
}

}  // namespace millrace::gloo
