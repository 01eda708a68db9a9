// SPDX-License-Identifier: Apache-2.0
#include "run/system_counters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "temporary_folder.hpp"

namespace millrace::run {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class SystemCounters : public ::testing::Test {
 protected:
  SystemCounters() {
    root_.write("sys/block/vda/stat", "   10  0  2048  7  20  0  4096  9  0  1500  16  0 0 0 0 0 0\n");
    root_.write("sys/block/loop7/stat", "0 0 0 0 0 0 0 0 0 0 0\n");
    root_.write(
        "proc/pressure/io",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
        "total=250000\n");
    root_.write("proc/stat", "cpu  100 10 50 1000 30 5 5 7 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
    root_.write("sys/bus/pci/devices/0000:41:00.0/aer_dev_correctable",
                "RxErr 2\nBadTLP 1\nTOTAL_ERR_COR 3\n");
    root_.write("sys/bus/pci/devices/0000:41:00.0/aer_dev_fatal", "TOTAL_ERR_FATAL 0\n");
  }
  TemporaryFolder root_;
};

TEST_F(SystemCounters, AreReadInUnitsOfTheDocument) {
  const auto read = read_system_counters(root_.path());
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_EQ(read.at("block:vda:read_operations"), 10);
  EXPECT_EQ(read.at("block:vda:read_bytes"), 2048 * 512) << "sectors are of 512 bytes";
  EXPECT_EQ(read.at("block:vda:write_operations"), 20);
  EXPECT_EQ(read.at("block:vda:write_bytes"), 4096 * 512);
  EXPECT_DOUBLE_EQ(read.at("block:vda:busy_s"), 1.5);
  EXPECT_DOUBLE_EQ(read.at("psi:io:some_s"), 1.5);
  EXPECT_DOUBLE_EQ(read.at("psi:io:full_s"), 0.25);
  EXPECT_DOUBLE_EQ(read.at("cpu:busy_s"), 170 * tick);
  EXPECT_DOUBLE_EQ(read.at("cpu:iowait_s"), 30 * tick);
  EXPECT_DOUBLE_EQ(read.at("cpu:steal_s"), 7 * tick);
  EXPECT_EQ(read.at("pcie:0000:41:00.0:correctable_errors"), 3);
  EXPECT_EQ(read.at("pcie:0000:41:00.0:fatal_errors"), 0);
  EXPECT_FALSE(read.contains("block:loop7:read_bytes")) << "a device that never did anything";
}

TEST_F(SystemCounters, AreWhatGrewBetweenTwoReadings) {
  const auto before = read_system_counters(root_.path());
  root_.write("sys/block/vda/stat", "12 0 2056 7 20 0 4096 9 0 1500 16\n");
  root_.write("sys/block/vdb/stat", "1 0 8 7 0 0 0 9 0 2 16\n");  // appeared meanwhile
  EXPECT_THAT(
      growth(before, read_system_counters(root_.path())),
      UnorderedElementsAre(Pair("block:vda:read_operations", 2), Pair("block:vda:read_bytes", 8 * 512),
                           Pair("block:vdb:read_operations", 1), Pair("block:vdb:read_bytes", 8 * 512),
                           Pair("block:vdb:busy_s", 0.002)));
}

TEST_F(SystemCounters, OfAKernelThatKeepsNoneAreNone) {
  const TemporaryFolder empty;
  EXPECT_TRUE(read_system_counters(empty.path()).empty());
  root_.write("proc/stat", "garbage");
  root_.write("sys/block/vda/stat", "1 2");
  root_.write("proc/pressure/io", "total=");
  EXPECT_FALSE(read_system_counters(root_.path()).contains("block:vda:read_bytes"));
}

TEST(SystemCountersHere, AreThere) {
  const auto read = read_system_counters();
  EXPECT_GT(read.at("cpu:busy_s"), 0);
}

}  // namespace
}  // namespace millrace::run
