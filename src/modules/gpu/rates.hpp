// SPDX-License-Identifier: Apache-2.0
// What a matrix of rates says by itself: which GPU, or which pair, is slower than the others of its kind.
// Pure.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace millrace::gpu {

using Rates = std::map<std::pair<int, int>, double>;  // (from, to) -> bytes per second

// A rate is low below this share of the median of all: half a link's width is far below, noise far above.
inline constexpr double kLow = 0.8;

// "slow-gpu:5" where all pairs of a GPU are low (its own links are); else "slow-pair:2-5" for each low pair
// (in either direction, once). Nothing for fewer than 6 pairs, or when more than a third are low: then the
// machine has kinds of pairs, and none is out of line.
std::vector<std::string> out_of_line(const Rates& rates);

double median(std::vector<double> values);  // of at least one

}  // namespace millrace::gpu
