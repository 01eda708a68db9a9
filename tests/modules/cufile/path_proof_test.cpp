// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/path_proof.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::cufile {
namespace {

using ::testing::HasSubstr;

// As cuFile counts: all, by P2PDMA, by nvidia-fs, through host memory.
Counters counted(PathCounts reads, PathCounts writes = {}) {
  Counters counters;
  counters.reads = reads;
  counters.writes = writes;
  return counters;
}

// Of a libcufile that counts nothing.
Counters only_nvidia_fs(std::uint64_t reads, bool counting = true, std::uint64_t processes = 1) {
  Counters counters;
  counters.nvidia_fs = {true, counting, reads, 0, processes};
  return counters;
}

DirectPath path(const Counters& before, const Counters& after, std::uint64_t operations) {
  return judge(before, after, Kind::kReads, operations).path;
}

TEST(PathProof, EveryOperationByNvidiaFsOrByP2PDmaIsDirect) {
  EXPECT_EQ(path(counted({10, 0, 10, 0}), counted({110, 0, 110, 0}), 100), DirectPath::kDirect);
  EXPECT_EQ(path(counted({0, 0, 0, 0}), counted({100, 100, 0, 0}), 100), DirectPath::kDirect);
  EXPECT_EQ(path(counted({0, 0, 0, 0}), counted({100, 40, 60, 0}), 100), DirectPath::kDirect);
}

TEST(PathProof, ALargeTransferMayCountAsSeveral) {
  EXPECT_EQ(path(counted({}), counted({400, 0, 400, 0}), 100), DirectPath::kDirect);
}

TEST(PathProof, OneOperationThroughHostMemoryMakesItCompatibility) {
  EXPECT_EQ(path(counted({}), counted({100, 0, 99, 1}), 100), DirectPath::kCompatibility);
  EXPECT_EQ(path(counted({}), counted({100, 0, 0, 100}), 100), DirectPath::kCompatibility);
}

TEST(PathProof, WhatWasCountedBeforeProvesNothing) {
  EXPECT_EQ(path(counted({500, 0, 500, 0}), counted({500, 0, 500, 0}), 100), DirectPath::kUnproven);
  // And a fallback of before is none of this.
  EXPECT_EQ(path(counted({5, 0, 0, 5}), counted({105, 0, 100, 5}), 100), DirectPath::kDirect);
}

TEST(PathProof, OperationsThatNobodyCountedAreNotDirect) {
  EXPECT_EQ(path(counted({}), counted({99, 0, 99, 0}), 100), DirectPath::kUnproven);
  EXPECT_EQ(path(counted({}), counted({}), 0), DirectPath::kUnproven);
}

TEST(PathProof, ReadsDoNotProveWrites) {
  EXPECT_EQ(judge(counted({}), counted({100, 0, 100, 0}), Kind::kWrites, 100).path, DirectPath::kUnproven);
  EXPECT_EQ(judge(counted({}), counted({}, {100, 0, 100, 0}), Kind::kWrites, 100).path, DirectPath::kDirect);
}

TEST(PathProof, WithoutCuFilesCountsNvidiaFsProvesItWhileItIsAlone) {
  EXPECT_EQ(path(only_nvidia_fs(7), only_nvidia_fs(107), 100), DirectPath::kDirect);
  EXPECT_EQ(path(only_nvidia_fs(7), only_nvidia_fs(106), 100), DirectPath::kUnproven);
  EXPECT_EQ(path(only_nvidia_fs(7, true, 2), only_nvidia_fs(107), 100), DirectPath::kUnproven);
}

TEST(PathProof, AModuleThatIsLoadedButDoesNotCountOrIsMissingProvesNothing) {
  const auto silent = judge(only_nvidia_fs(0, false), only_nvidia_fs(0, false), Kind::kReads, 100);
  EXPECT_EQ(silent.path, DirectPath::kUnproven);
  EXPECT_THAT(silent.evidence, HasSubstr("rw_stats_enabled"));
  const auto missing = judge({}, {}, Kind::kReads, 100);
  EXPECT_EQ(missing.path, DirectPath::kUnproven);
  EXPECT_THAT(missing.evidence, HasSubstr("not loaded"));
}

TEST(PathProof, EachPathHasItsFlag) {
  EXPECT_STREQ(flag_of(DirectPath::kDirect), "gds-direct");
  EXPECT_STREQ(flag_of(DirectPath::kCompatibility), "gds-compatibility");
  EXPECT_STREQ(flag_of(DirectPath::kUnproven), "gds-path-unproven");
}

}  // namespace
}  // namespace millrace::cufile
