// SPDX-License-Identifier: Apache-2.0
// How large each rank's arrays are, and which element of whose input must lie where in the output:
// nccl-tests' conventions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "modules/collective/factors.hpp"

namespace millrace::collective {

struct Layout {
  std::uint64_t total = 0;   // S in elements: cut down to a multiple of the ranks where it is dealt out
  std::uint64_t input = 0;   // elements that this rank puts in; 0: none (a broadcast's other ranks)
  std::uint64_t output = 0;  // elements that this rank gets; 0: none
};

// Of all_reduce, all_gather, reduce_scatter, broadcast, reduce, alltoall, gather and scatter (of the root's
// view). total 0: the size is too small for one element a rank.
Layout layout_of(Collective collective, std::uint64_t elements, int rank, int ranks, int root);

inline constexpr int kReduced = -1;

// A run of the output: `count` elements from `at` on are those of `source`'s input (or, kReduced, of the
// reduction of all) from `first` on.
struct Piece {
  std::uint64_t at = 0, count = 0;
  int source = kReduced;
  std::uint64_t first = 0;
  bool operator==(const Piece&) const = default;
};

std::vector<Piece> pieces_of(Collective collective, const Layout& layout, int rank, int ranks, int root);

}  // namespace millrace::collective
