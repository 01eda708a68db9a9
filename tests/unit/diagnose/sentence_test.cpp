// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using testing::Machine;

TEST(Sentence, OfAStarvedWorkload) {
  EXPECT_EQ(
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(1.9e9, 40e9).storage(1e9, 1e6).ask().sentence,
      "toy on 1 × X1 (stand-in: host memory) is starved by storage: reading from vda (virtio) delivers 1 "
      "GB/s where 2 "
      "GB/s are needed, so the accelerator computes 50 % of the time (wanted: 90 %). Storage 1.80 × as fast "
      "brings 90 "
      "%; then preparation on the CPU binds.");
}

TEST(Sentence, OfTwoHopsTooCloseToTell) {
  EXPECT_EQ(Machine()
                .limit("pcie:1:read", 50e9)
                .memory(100e9)
                .stages(1.02e9, 40e9, 2e7)
                .storage(1e9, 2e7)
                .ask()
                .sentence,
            "toy on 1 × X1 (stand-in: host memory) is starved by storage or preparation on the CPU (too "
            "close to tell): reading "
            "from vda (virtio) delivers 1 GB/s and normalizing on 4 CPU threads delivers 1.02 GB/s where 2 "
            "GB/s are needed, so "
            "the accelerator computes 50 % of the time (wanted: 90 %). Storage 1.80 × as fast brings 51 %, "
            "as preparation on "
            "the CPU binds next; with preparation 1.77 × as fast (more threads, or a GPU's) as well, 90 %.");
}

TEST(Sentence, OfAFedWorkload) {
  EXPECT_EQ(
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9).storage(6e9, 1e6).ask().sentence,
      "toy on 1 × X1 (stand-in: host memory) is fed: the accelerator computes 100 % of the time (wanted: 90 "
      "%). Nearest "
      "to its limit: reading from vda (virtio) delivers 6 GB/s where 2 GB/s are needed, 33 % of it is used.");
}

TEST(Sentence, OfOneTooCloseToCall) {
  EXPECT_THAT(
      Machine()
          .limit("pcie:1:read", 50e9)
          .memory(100e9)
          .stages(20e9, 40e9)
          .storage(1.8e9, 5e7)
          .ask()
          .sentence,
      ::testing::AllOf(
          ::testing::HasSubstr("is fed is too close to call: the accelerator computes 8"),
          ::testing::HasSubstr("(wanted: 90 %). Nearest to its limit: reading from vda (virtio) delivers "
                               "1.8 GB/s where 2 GB/s are needed. To decide: more repeats of m3")));
}

TEST(Sentence, OfSeveralAcceleratorsWithPreparationTooSlow) {
  EXPECT_EQ(
      Machine().limit("pcie:1:read", 50e9).memory(200e9).stages(0.5e9, 40e9).storage(40e9).ask(4).sentence,
      "toy on 4 × X1 (stand-in: host memory) is starved by preparation on the CPU: normalizing on 4 CPU "
      "threads each "
      "delivers 2 GB/s where 8 GB/s are needed, so the 4 accelerators compute 25 % of the time (wanted: 90 "
      "%). "
      "Preparation 3.6 × as fast (more threads, or a GPU's) brings 90 %; then only the compute itself "
      "binds.");
}

TEST(Sentence, FromLimitsAlone) {
  EXPECT_EQ(Machine().limit("pcie:1:read", 1e9).ask().sentence,
            "toy on 1 × X1 is starved by the link PCIe 0000:01:00.0: PCIe 0000:01:00.0 can deliver at most 1 "
            "GB/s where 2 GB/s "
            "are needed, so the accelerator computes 50 % of the time (wanted: 90 %). A link 1.80 × as fast "
            "brings 90 %; then "
            "only the compute itself binds. From limits alone: nothing was measured.");
}

TEST(Sentence, OfWhatCannotBeTold) {
  EXPECT_EQ(diagnose(record::Document{}, {testing::toy(), 1, {}}).sentence,
            "Whether toy on 1 × X1 is fed cannot be told: nothing of its feed path was measured and no limit "
            "is known. Measure "
            "storage, preparation on the CPU, the copy into device memory (`millrace run --for toy-x1`).");
}

}  // namespace
}  // namespace millrace::diagnose
