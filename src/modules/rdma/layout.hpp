// SPDX-License-Identifier: Apache-2.0
// Where the messages of a link lie in its memory; the same on both ends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace::rdma {

// Each queue pair has an area that messages leave from and one that they arrive in, of `slots` slots each.
// Messages take the slots in turn, so that they cycle over the cache lines of an area.
class Layout {
 public:
  Layout() = default;
  // Slots for messages up to `largest` bytes, as many as fit `area` bytes and one at least. `lead`: bytes
  // that arrive before a message (40 of a datagram's routing header).
  Layout(std::uint32_t queue_pairs, std::uint64_t largest, std::uint64_t area, std::uint32_t lead)
      : stride_((largest + lead + kLine - 1) / kLine * kLine),
        slots_(static_cast<std::uint32_t>(std::clamp<std::uint64_t>(area / stride_, 1, kMostSlots))),
        queue_pairs_(queue_pairs),
        lead_(lead) {}

  [[nodiscard]] std::uint32_t slots() const { return slots_; }
  [[nodiscard]] std::uint64_t stride() const { return stride_; }
  [[nodiscard]] std::uint32_t lead() const { return lead_; }
  [[nodiscard]] std::uint64_t bytes() const { return 2 * stride_ * slots_ * queue_pairs_; }
  // Offsets into the memory, of the `n`th message.
  [[nodiscard]] std::uint64_t out(std::uint32_t queue_pair, std::uint64_t n) const {
    return area(queue_pair, 0) + n % slots_ * stride_;
  }
  [[nodiscard]] std::uint64_t in(std::uint32_t queue_pair, std::uint64_t n) const {
    return area(queue_pair, 1) + n % slots_ * stride_;
  }

 private:
  static constexpr std::uint64_t kLine = 64, kMostSlots = 65536;
  [[nodiscard]] std::uint64_t area(std::uint32_t queue_pair, std::uint64_t which) const {
    return (std::uint64_t{queue_pair} * 2 + which) * stride_ * slots_;
  }

  std::uint64_t stride_ = kLine;
  std::uint32_t slots_ = 1, queue_pairs_ = 1, lead_ = 0;
};

}  // namespace millrace::rdma
