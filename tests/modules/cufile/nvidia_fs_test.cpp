// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/nvidia_fs.hpp"

#include <gtest/gtest.h>

namespace millrace::cufile {
namespace {

// As nvfs_stats_show of nvidia-fs 2.26 prints it, with rw_stats_enabled=1.
constexpr const char* kCounting = R"(GDS Version: 1.15.1.6 
NVFS statistics(ver: 4.0)
NVFS Driver(version: 2.26.6)
Mellanox PeerDirect Supported: True
IO stats: Enabled, peer IO stats: Disabled
Logging level: info

Active Shadow-Buffer (MiB): 0
Active Process: 1
Batches				: n=2 ok=2 err=0 Avg-Submit-Latency(usec)=9
Reads				: n=1048577 ok=1048576 err=1 readMiB=1048576 io_state_err=0
Reads				: Bandwidth(MiB/s)=13224 Avg-Latency(usec)=594
Sparse Reads		        : n=3 io=4 holes=5 pages=6 
Writes				: n=7 ok=6 err=1 writeMiB=6 io_state_err=0 pg-cache=0 pg-cache-fail=0 pg-cache-eio=0
Writes				: Bandwidth(MiB/s)=0 Avg-Latency(usec)=0
Mmap				: n=1 ok=1 err=0 munmap=0
Ops				: Read=0 Write=0 BatchIO=0
)";

// And with 0: what was done is not among it.
constexpr const char* kSilent = R"(NVFS statistics(ver: 4.0)
NVFS Driver(version: 2.25.7)
IO stats: Disabled, peer IO stats: Enabled
Active Process: 0
Reads				: err=0 io_state_err=0
Writes				: err=0 io_state_err=0 pg-cache=0 pg-cache-fail=0 pg-cache-eio=0
)";

TEST(NvidiaFs, ReadsWhatSucceededOnceAndNotTheSparseOnes) {
  const NvidiaFsCounters counters = parse_nvidia_fs(kCounting);
  EXPECT_TRUE(counters.present);
  EXPECT_TRUE(counters.counting);
  EXPECT_EQ(counters.reads, 1048576u);
  EXPECT_EQ(counters.writes, 6u);
  EXPECT_EQ(counters.processes, 1u);
}

TEST(NvidiaFs, OneThatDoesNotCountSaysSoWhateverItsPeerCountsDo) {
  const NvidiaFsCounters counters = parse_nvidia_fs(kSilent);
  EXPECT_TRUE(counters.present);
  EXPECT_FALSE(counters.counting);
  EXPECT_EQ(counters.reads, 0u);
}

TEST(NvidiaFs, AFileThatIsMissingOrIsSomethingElseIsNoModule) {
  EXPECT_FALSE(read_nvidia_fs("/nowhere/at/all").present);
  EXPECT_FALSE(parse_nvidia_fs("Reads : n=1 ok=1\n").present);
}

}  // namespace
}  // namespace millrace::cufile
