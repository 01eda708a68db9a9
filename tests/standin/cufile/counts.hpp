// SPDX-License-Identifier: Apache-2.0
// The operations of this process, by GPU and way.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace millrace::standin {

struct WayCounts {
  std::atomic<std::uint64_t> all{0}, p2p{0}, nvidia_fs{0}, posix{0}, failed{0}, bytes{0};
};

struct GpuCounts {
  WayCounts reads, writes;
};

GpuCounts& counts_of(int gpu);

}  // namespace millrace::standin
