// SPDX-License-Identifier: Apache-2.0
// The counters of the kernel module nvidia-fs (/proc/driver/nvidia-fs/stats), of the whole machine. Their
// text is that of nvfs_stats_show in NVIDIA/gds-nvidia-fs, src/nvfs-stat.c. The operations are counted only
// where the module's parameter rw_stats_enabled is 1, and not at all for transfers by the kernel's own
// P2PDMA.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::cufile {

struct NvidiaFsCounters {
  bool present = false;                 // the module is loaded
  bool counting = false;                // "IO stats: Enabled"
  std::uint64_t reads = 0, writes = 0;  // that succeeded, of every process
  std::uint64_t processes = 0;          // that use it now
};

// Lines that it does not know are skipped; what is missing stays 0.
NvidiaFsCounters parse_nvidia_fs(std::string_view text);

inline constexpr const char* kNvidiaFsStats = "/proc/driver/nvidia-fs/stats";
NvidiaFsCounters read_nvidia_fs(const std::string& file = kNvidiaFsStats);

}  // namespace millrace::cufile
