// SPDX-License-Identifier: Apache-2.0
// How messages of a size are best posted, where the user does not say: after what perftest does by default
// (perftest_parameters.c: tx depth 128 for bandwidth and 1 for latency, completions moderated by 100 but not
// above 8 KiB, inline for latency up to 220 bytes), with lists of small messages behind one doorbell.
#pragma once

#include <cstdint>
#include <optional>

namespace millrace::rdma {

enum class Operation { kWrite, kRead, kSend };
enum class Mode { kBandwidth, kLatency };
enum class Transport { kReliable, kDatagram };  // RC, UD

struct Shape {
  Operation operation = Operation::kWrite;
  Mode mode = Mode::kBandwidth;
  bool device_memory = false;  // a GPU's: the CPU can neither poll it nor copy it inline
  bool polls_memory = false;   // latency seen by the last byte changing
};

struct Wishes {
  std::optional<std::uint32_t> depth, list, signal_every, inline_bytes;
  std::optional<bool> relaxed_ordering;
};

struct Tuning {
  std::uint32_t depth = 1;         // messages in flight, of each queue pair
  std::uint32_t list = 1;          // posted behind one doorbell; at most depth
  std::uint32_t signal_every = 1;  // messages that share a completion: a multiple of list, at most depth
  std::uint32_t inline_bytes = 0;  // messages up to this size travel inside the work request
  bool relaxed_ordering = true;    // PCIe may deliver out of order

  bool operator==(const Tuning&) const = default;
};

inline constexpr std::uint32_t kInlineLimit = 220;  // fits mlx5's largest work request

Tuning tuning_for(const Shape& shape, std::uint64_t size, const Wishes& wishes);

// 64 KiB for bandwidth; 8 bytes for latency.
std::uint64_t default_size(Mode mode);

}  // namespace millrace::rdma
