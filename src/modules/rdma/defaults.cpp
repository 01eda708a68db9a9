// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/defaults.hpp"

#include <algorithm>

namespace millrace::rdma {
namespace {

constexpr std::uint64_t kLargestModerated = 8192;
constexpr std::uint32_t kDepth = 128, kModeration = 100, kList = 16;

std::uint32_t default_list(const Shape& shape, std::uint64_t size) {
  return shape.mode == Mode::kBandwidth && size <= kLargestModerated ? kList : 1;
}

// Half of the depth at most, so that one half is in flight while the other is being completed.
std::uint32_t default_signal_every(const Shape& shape, std::uint64_t size, std::uint32_t depth) {
  if (shape.mode == Mode::kLatency || size > kLargestModerated) return 1;
  return std::clamp<std::uint32_t>(depth / 2, 1, kModeration);
}

std::uint32_t default_inline(const Shape& shape, std::uint64_t size) {
  const bool fits = size <= kInlineLimit && !shape.device_memory && shape.operation != Operation::kRead;
  return shape.mode == Mode::kLatency && fits ? kInlineLimit : 0;
}

}  // namespace

Tuning tuning_for(const Shape& shape, std::uint64_t size, const Wishes& wishes) {
  Tuning tuning;
  tuning.depth = wishes.depth.value_or(shape.mode == Mode::kBandwidth ? kDepth : 1);
  tuning.list = std::min(wishes.list.value_or(default_list(shape, size)), tuning.depth);
  const std::uint32_t every =
      std::min(wishes.signal_every.value_or(default_signal_every(shape, size, tuning.depth)), tuning.depth);
  const std::uint32_t lists = std::min((every + tuning.list - 1) / tuning.list, tuning.depth / tuning.list);
  tuning.signal_every = lists * tuning.list;
  tuning.inline_bytes = wishes.inline_bytes.value_or(default_inline(shape, size));
  if (shape.operation == Operation::kRead || shape.device_memory) tuning.inline_bytes = 0;
  // A byte that is polled must come last.
  tuning.relaxed_ordering = !shape.polls_memory && wishes.relaxed_ordering.value_or(true);
  return tuning;
}

std::uint64_t default_size(Mode mode) { return mode == Mode::kBandwidth ? 65536 : 8; }

}  // namespace millrace::rdma
