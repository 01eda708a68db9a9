// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/counters.hpp"

#include <cufile.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "modules/cufile/direct_reads.hpp"

namespace millrace::cufile {
namespace {

#ifdef CUFILE_GPU_UUID_LEN

Uuid uuid(char last) {
  Uuid all{};
  all.fill(0x11);
  all.back() = last;
  return all;
}

// What cuFileGetStatsL3 writes, with as much put in before the GPUs as a later release has there.
std::vector<std::byte> level3(std::size_t grown_by) {
  CUfileStatsLevel3_t statistics{};
  statistics.num_gpus = 2;
  for (int i = 0; i < 2; ++i) {
    CUfilePerGpuStats_t& gpu = statistics.per_gpu_stats[i];
    std::memcpy(gpu.uuid, uuid(static_cast<char>(i)).data(), sizeof gpu.uuid);
    gpu.n_total_reads = 100 + static_cast<unsigned>(i);
    gpu.n_nvfs_reads = 60;
    gpu.n_p2p_reads = 30;
    gpu.n_posix_reads = 10;
    gpu.n_total_writes = gpu.n_posix_writes = 5;
  }
  std::vector<std::byte> bytes(sizeof statistics + grown_by);
  const std::size_t head = offsetof(CUfileStatsLevel3_t, per_gpu_stats);
  std::memcpy(bytes.data(), &statistics, head);
  std::memcpy(bytes.data() + head + grown_by, statistics.per_gpu_stats, sizeof statistics.per_gpu_stats);
  return bytes;
}

TEST(CuFileCounters, TheGpuIsFoundByItsUuidInEveryReleasesLayout) {
  for (const std::size_t grown_by : {0, 96, 200}) {
    const auto found = find_gpu(level3(grown_by), uuid(1));
    ASSERT_TRUE(found) << grown_by;
    EXPECT_EQ(found->reads.total, 101u);
    EXPECT_EQ(found->reads.nvidia_fs, 60u);
    EXPECT_EQ(found->reads.peer_to_peer, 30u);
    EXPECT_EQ(found->reads.posix, 10u);
    EXPECT_EQ(found->writes.posix, 5u);
  }
}

TEST(CuFileCounters, AGpuThatIsNotThereAndCountsThatCannotBeAreNothing) {
  EXPECT_FALSE(find_gpu(level3(0), uuid(7)));
  auto bytes = level3(0);
  auto* statistics = reinterpret_cast<CUfileStatsLevel3_t*>(bytes.data());
  statistics->per_gpu_stats[0].n_posix_reads = 1000;  // more than there were in all
  EXPECT_FALSE(find_gpu(bytes, uuid(0)));
}

#endif

TEST(CuFileCounters, AUuidIsReadAsNvidiaSmiWritesIt) {
  const auto read = uuid_from("GPU-00112233-4455-6677-8899-aabbccddeeff");
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)[0], 0x00);
  EXPECT_EQ((*read)[1], 0x11);
  EXPECT_EQ(static_cast<unsigned char>((*read)[15]), 0xff);
  EXPECT_FALSE(uuid_from("GPU-0011"));
  EXPECT_FALSE(uuid_from("GPU-0011223g-4455-6677-8899-aabbccddeeff"));
}

}  // namespace
}  // namespace millrace::cufile
