// SPDX-License-Identifier: Apache-2.0
// Rates between all pairs of ranks, and which of them fall out of the line.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace millrace::nccl {

// The `pair`th of ranks * (ranks - 1) ordered pairs: 0 to 1, 0 to 2, …, 1 to 0, ….
struct RankPair {
  int from = 0, to = 0;
  bool operator==(const RankPair&) const = default;
};
RankPair pair_at(std::size_t pair, int ranks);

// What is below three quarters of the median of all pairs (a link at half of its width is far below, noise is
// not). `rates` holds bytes per second at [to * ranks + from]; 0: not measured. A rank whose pairs, all that
// it sends or all that it gets, are slow is named once: "from gpu:3", "to gpu:3"; what remains pair by pair:
// "gpu:0 to gpu:3". Names are the ranks'.
std::vector<std::string> slow_pairs(std::span<const double> rates, std::span<const std::string> names);

}  // namespace millrace::nccl
