// SPDX-License-Identifier: Apache-2.0
// Counting the members of a rank's group without listing them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "workload/traffic.hpp"

namespace millrace::fabric {

// The group of a rank: `base`, `base + stride`, … , `size` of them; the last group may be cut short by the
// job's end.
struct RankGroup {
  std::int64_t base = 0, stride = 1, size = 1;

  RankGroup(std::int64_t rank, const workload::Traffic& traffic, std::int64_t ranks)
      : stride(std::max<std::int64_t>(1, traffic.stride)) {
    const std::int64_t whole = std::max<std::int64_t>(1, traffic.group);
    const std::int64_t block = stride * whole;
    const std::int64_t begin = rank / block * block;
    base = begin + (rank - begin) % stride;
    size = std::min(whole, (ranks - base + stride - 1) / stride);
  }

  [[nodiscard]] std::int64_t member(std::int64_t place) const { return base + place * stride; }
  [[nodiscard]] std::int64_t place(std::int64_t rank) const { return (rank - base) / stride; }
  [[nodiscard]] bool holds(std::int64_t rank) const {
    return rank >= base && (rank - base) % stride == 0 && place(rank) < size;
  }
  // The first place whose rank is at least this.
  [[nodiscard]] std::int64_t from(std::int64_t rank) const {
    return rank <= base ? 0 : std::min(size, (rank - base + stride - 1) / stride);
  }
};

// A part of a group: places [begin, end).
struct Places {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t count() const { return end - begin; }
  // Those that are `place` modulo `period` (place < period).
  [[nodiscard]] std::int64_t count(std::int64_t place, std::int64_t period) const {
    const auto below = [&](std::int64_t limit) {
      return limit <= place ? 0 : (limit - place + period - 1) / period;
    };
    return below(end) - below(begin);
  }
};

// The members whose ranks are in [low, high).
inline Places between(const RankGroup& group, std::int64_t low, std::int64_t high) {
  return {group.from(low), group.from(high)};
}

}  // namespace millrace::fabric
