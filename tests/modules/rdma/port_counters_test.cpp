// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/port_counters.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace millrace::rdma {
namespace {

namespace fs = std::filesystem;

// A sysfs of its own, with one mlx5 port.
class Sysfs : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(port_ / "counters");
    fs::create_directories(port_ / "hw_counters");
  }
  void TearDown() override { fs::remove_all(root_); }
  void set(const std::string& name, const std::string& value) {
    std::ofstream(port_ / name) << value << '\n';
  }
  [[nodiscard]] PortCounters read() const { return read_port_counters("mlx5_0", 1, root_); }

  fs::path root_ = fs::path(::testing::TempDir()) / ("millrace-sysfs-" + std::to_string(getpid()));
  fs::path port_ = root_ / "class/infiniband/mlx5_0/ports/1";
};

TEST_F(Sysfs, both_folders_of_a_port_are_read) {
  set("counters/port_xmit_data", "1000");
  set("hw_counters/np_cnp_sent", "3");
  set("hw_counters/lifespan", "12");
  EXPECT_EQ(read(), (PortCounters{{"port_xmit_data", 1000}, {"np_cnp_sent", 3}}));
}

TEST_F(Sysfs, words_of_four_bytes_become_bytes) {
  set("counters/port_xmit_data", "1000");
  const PortCounters before = read();
  set("counters/port_xmit_data", "1250");
  EXPECT_EQ(growth(before, read()), (std::map<std::string, double>{{"port_xmit_data_bytes", 1000}}));
}

TEST_F(Sysfs, that_nothing_was_lost_is_said_and_that_nothing_else_happened_is_not) {
  set("hw_counters/out_of_sequence", "7");
  set("hw_counters/np_cnp_sent", "7");
  set("hw_counters/rx_read_requests", "7");
  const auto grown = growth(read(), read());
  EXPECT_EQ(grown, (std::map<std::string, double>{{"out_of_sequence", 0}, {"np_cnp_sent", 0}}));
  EXPECT_FALSE(tells_of_loss(grown));
  EXPECT_FALSE(tells_of_congestion(grown));
}

TEST_F(Sysfs, loss_and_congestion_are_told_apart) {
  EXPECT_TRUE(tells_of_loss({{"out_of_sequence", 1}}));
  EXPECT_FALSE(tells_of_congestion({{"out_of_sequence", 1}}));
  EXPECT_TRUE(tells_of_congestion({{"rp_cnp_handled", 1}}));
  EXPECT_FALSE(tells_of_loss({{"rp_cnp_handled", 1}}));
}

TEST_F(Sysfs, a_receiver_that_is_slow_loses_nothing) {
  EXPECT_FALSE(tells_of_loss({{"rnr_nak_retry_err", 5}}));
}

TEST_F(Sysfs, a_counter_that_was_reset_meanwhile_counts_nothing) {
  EXPECT_EQ(growth({{"out_of_sequence", 9}}, {{"out_of_sequence", 2}}).at("out_of_sequence"), 0);
}

TEST_F(Sysfs, a_port_that_counts_nothing_is_no_failure) {
  EXPECT_TRUE(read_port_counters("none", 1, root_).empty());
}

}  // namespace
}  // namespace millrace::rdma
