// SPDX-License-Identifier: Apache-2.0
// How many buffers of which size one accelerator's pipeline has: everything that it allocates, known
// beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "modules/ingest/extents.hpp"
#include "modules/ingest/settings.hpp"

namespace millrace::ingest {

inline constexpr std::size_t kDeviceBatches = 2;   // one computed on while the next is filled
inline constexpr std::size_t kCopiesUnderWay = 4;  // extents on their way into the device

struct Layout {
  std::size_t extents_per_reader = 0;  // that a reader thread has under way
  std::size_t read_queue = 0;          // slots, in extents
  std::size_t prepared_queue = 0;
  std::size_t stored_buffers = 0, stored_bytes = 0;      // of one
  std::size_t prepared_buffers = 0, prepared_bytes = 0;  // none unless preparation makes a copy
  std::size_t batch_bytes = 0;                           // of one of kDeviceBatches
  std::size_t check_bytes = 0;                           // of each of three buffers for --verify

  [[nodiscard]] std::uint64_t total_bytes() const {
    return std::uint64_t{stored_buffers} * stored_bytes + std::uint64_t{prepared_buffers} * prepared_bytes +
           std::uint64_t{kDeviceBatches} * batch_bytes + 3 * std::uint64_t{check_bytes};
  }
};

Layout layout_of(const Settings& settings, std::span<const Extent> extents);

}  // namespace millrace::ingest
