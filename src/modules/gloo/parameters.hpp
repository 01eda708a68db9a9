// SPDX-License-Identifier: Apache-2.0
// The parameters of Gloo's collectives besides those of all collectives.
#pragma once

#include <array>

#include "millrace/probe.hpp"
#include "modules/collective/parameters.hpp"

namespace millrace::gloo {

inline constexpr std::array kRanks{
    sdk::parameter("ranks", MILLRACE_COUNT, "2", "ranks on each host", 1, 64),
    sdk::parameter(
        "address", MILLRACE_ADDRESS, "",
        "numeric IP address of the ranks here; default: that by which the hosts know each other, or "
        "loopback on one host"),
    sdk::parameter("peer-address", MILLRACE_ADDRESS, "", "the same of the other host"),
};
inline constexpr std::array kInPlaceOnly{
    sdk::parameter("in-place", MILLRACE_FLAG, "on", "the output takes the input's place: Gloo's only way")};
inline constexpr std::array kAlgorithm{
    sdk::choice("algorithm", "ring|bcube", "ring", "of Gloo: a ring, or hypercubes, for small arrays")};

}  // namespace millrace::gloo
