// SPDX-License-Identifier: Apache-2.0
// Where a rank's arrays lie. A collective of each turn works on the next pair, so that what it reads was last
// touched a whole region ago: a single small pair would measure the cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "modules/collective/request.hpp"

namespace millrace::collective {

// What a library does otherwise.
struct Habits {
  std::size_t kept_bytes = 0;  // of memory that it keeps and touches for each turn
  std::size_t most_turns = 4096;
  bool result_in_front = false;  // in place, a rank's share of a result lies first, not where it belongs
};

struct Rotation {
  std::size_t turns = 1;
  // Within a turn's memory, which begins on a page of its own. In place, input and output overlap: a rank's
  // share of what is gathered or scattered lies where it belongs in the whole (nccl.h: "In-place operations
  // will happen if sendbuff == recvbuff + rank * sendcount", and likewise).
  std::size_t input_at = 0, output_at = 0;
  std::size_t turn_bytes = 0;
  std::size_t touched_bytes = 0;  // of all turns, with what is kept for each; of the rank with the least
};

// `region` is the one that the request has not, if it has none.
Rotation rotation_of(const Request& request, int rank, std::uint64_t region, const Habits& habits = {});

std::size_t input_bytes(const Request& request, int rank);
std::size_t output_bytes(const Request& request, int rank);

}  // namespace millrace::collective
