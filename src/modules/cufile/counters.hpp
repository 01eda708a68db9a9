// SPDX-License-Identifier: Apache-2.0
// What cuFile and nvidia-fs have counted up to a moment: two of these, before and after, are what a path is
// proven by.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "modules/cufile/nvidia_fs.hpp"

namespace millrace::cufile {

using Uuid = std::array<char, 16>;  // of a GPU, as cuDeviceGetUuid gives it

// Operations of this process on one GPU, by the way that they took (CUfilePerGpuStats of cufile.h, level 3).
struct PathCounts {
  std::uint64_t total = 0;
  std::uint64_t peer_to_peer = 0;  // the kernel's P2PDMA, without nvidia-fs
  std::uint64_t nvidia_fs = 0;
  std::uint64_t posix = 0;  // through host memory
  std::uint64_t unaligned = 0, failed = 0;
};

struct Counters {
  // Not set: this libcufile counts nothing (before 1.15), or not for this GPU.
  std::optional<PathCounts> reads, writes;
  NvidiaFsCounters nvidia_fs;
};

// Needs an open driver whose counting was started (driver.hpp).
Counters count_now(const Uuid& gpu);

// The counters of one GPU in what cuFileGetStatsL3 wrote. The entry is found by the GPU's UUID and not by its
// place, since the levels below it have grown with cuFile's releases (by 96 bytes in 1.19), while an entry
// has been the same since there are any.
struct GpuCounts {
  PathCounts reads, writes;
};
std::optional<GpuCounts> find_gpu(std::span<const std::byte> level3, const Uuid& gpu);

}  // namespace millrace::cufile
