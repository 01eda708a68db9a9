// SPDX-License-Identifier: Apache-2.0
// What one rank wants of one call. Lies in memory that all ranks share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nccl/vendor.hpp"

namespace millrace::standin::nccl {

enum class Kind : std::int32_t {
  kAllReduce,
  kAllGather,
  kReduceScatter,
  kBroadcast,
  kReduce,
  kAllToAll,
  kGather,
  kScatter,
  kSend,
  kReceive,
};
const char* name_of(Kind kind);  // "ncclAllReduce"

struct Order {
  Kind kind = Kind::kAllReduce;
  ncclDataType_t type = ncclFloat;
  ncclRedOp_t operation = ncclSum;
  std::int32_t root = 0;                // of send and receive: the other rank
  std::uint64_t count = 0;              // elements, as the call counts them
  std::uint64_t input = 0, output = 0;  // device addresses, the same in all processes
};

// Of this rank's faults.
struct Trouble {
  bool hang = false, wrong_data = false;
};

std::size_t size_of(ncclDataType_t type);  // bytes; 0: a type that this stand-in does not play

// Bytes that the rank reads and writes; 0: an address that is not used.
std::size_t input_bytes(const Order& order, int rank, int ranks);
std::size_t output_bytes(const Order& order, int rank, int ranks);

}  // namespace millrace::standin::nccl
