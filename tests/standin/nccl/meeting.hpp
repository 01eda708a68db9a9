// SPDX-License-Identifier: Apache-2.0
// Where the ranks of a communicator meet: a file in memory, named by the unique id, that each of their
// processes maps. It goes when all have come, or with the one that gives up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "nccl/order.hpp"

namespace millrace::standin::nccl {

inline constexpr int kMostRanks = 64;

// A message on its way from one rank to another, one at a time: the sender fills it and counts posted up, the
// receiver copies, says when it ends and counts taken up.
struct Letter {
  std::atomic<std::uint64_t> posted, taken;
  std::uint64_t address, count;
  ncclDataType_t type;
  std::int32_t reserved;
  std::int64_t ready_ns, end_ns;
};

struct Seat {
  std::atomic<std::int32_t> process;  // 0: not come yet
  std::int32_t gpu;
  std::atomic<std::uint64_t> entered;      // collectives that it came to
  std::atomic<std::uint64_t> computed;     // of those, that it has its result of, not yet written
  std::atomic<std::uint32_t> closed;       // ncclCommFinalize or Destroy; nothing more comes
  std::atomic<std::uint32_t> lost;         // its GPU is gone
  std::int64_t ready_ns, end_ns;           // of its transfers of the collective under way
  Order order;                             // of the collective under way
  std::array<Letter, kMostRanks> letters;  // to each rank
};

struct Table {
  std::atomic<std::uint32_t> come;
  std::int32_t ranks;
  std::array<Seat, kMostRanks> seats;
};

class Meeting {
 public:
  // Null: `why` says what the operating system has against it.
  static Table* open(const std::string& name, std::string& why);
  static void remove(const std::string& name);
  static std::string new_name();  // for a unique id
};

}  // namespace millrace::standin::nccl
