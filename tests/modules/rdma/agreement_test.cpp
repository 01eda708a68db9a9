// SPDX-License-Identifier: Apache-2.0
// What two ends tell each other, and what they make of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "modules/rdma/greeting.hpp"
#include "modules/rdma/route.hpp"

namespace millrace::rdma {
namespace {

using ::testing::HasSubstr;

Gid ipv4(std::uint8_t last) {
  Gid gid;
  gid.index = 1;
  gid.raw = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 0, last};
  return gid;
}

Greeting roce(std::uint8_t last) {
  Greeting end;
  end.role = "initiator 1.0";
  end.device = "rxe0";
  end.port = 1;
  end.mtu = 1024;
  end.reads_as_initiator = 16;
  end.reads_as_responder = 8;
  end.messages = {0x7f0000000000, 77, 0};
  end.gids = {ipv4(last)};
  end.queue_pairs = {{17, 1000}, {18, 2000}};
  return end;
}

Greeting infiniband(std::uint32_t lid) {
  Greeting end = roce(1);
  end.infiniband = true;
  end.lid = lid;
  end.mtu = 4096;
  return end;
}

Settings settings() {
  Settings made;
  made.size = 65536;
  return made;
}

Result<Route> agreed(const Settings& wanted, const Greeting& mine, const Greeting& theirs) {
  return agree(wanted, mine, theirs, "10.9.0.1", "10.9.0.2");
}

TEST(Greetings, are_read_back_as_they_are_written) {
  const auto read = greeting_from(to_bytes(roce(1)));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, roce(1));
}

TEST(Greetings, that_are_cut_short_or_drawn_out_or_something_else_are_none) {
  const std::string whole = to_bytes(roce(1));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(greeting_from(whole.substr(0, size))) << size;
  EXPECT_FALSE(greeting_from(whole + "x"));
  EXPECT_FALSE(greeting_from(std::string(whole.size(), '\xff')));
}

TEST(Greetings, with_counts_beyond_all_bounds_are_none) {
  std::string bytes = to_bytes(roce(1));
  const std::size_t count_at = bytes.size() - 2 * sizeof(QueuePairName) - 4;
  bytes.replace(count_at, 4, "\xff\xff\xff\x7f", 4);
  EXPECT_FALSE(greeting_from(bytes));
}

TEST(Routes, two_roce_ports_reach_each_other_by_gid) {
  const auto route = agreed(settings(), roce(1), roce(2));
  ASSERT_TRUE(route) << route.error().what;
  EXPECT_EQ(route->mtu, 1024U);
  EXPECT_EQ(route->gids->second.text(), "10.9.0.2");
  EXPECT_EQ(route->reads, 8U);
}

TEST(Routes, two_infiniband_ports_reach_each_other_by_lid) {
  const auto route = agreed(settings(), infiniband(5), infiniband(9));
  ASSERT_TRUE(route) << route.error().what;
  EXPECT_FALSE(route->gids);
  EXPECT_EQ(route->their_lid, 9U);
}

TEST(Routes, mtus_that_differ_are_refused_with_both_ports_and_hosts_named) {
  Greeting theirs = roce(2);
  theirs.mtu = 4096;
  const auto route = agreed(settings(), roce(1), theirs);
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().what,
            "the MTUs differ: rxe0 port 1 of 10.9.0.1 has 1024, rxe0 port 1 of 10.9.0.2 has 4096");
  EXPECT_THAT(route.error().hint, HasSubstr("--mtu 1024"));
}

TEST(Routes, mtus_that_differ_are_let_be_where_the_lesser_is_asked_for) {
  Greeting theirs = roce(2);
  theirs.mtu = 4096;
  Settings wanted = settings();
  wanted.mtu = 1024;
  EXPECT_EQ(agreed(wanted, roce(1), theirs)->mtu, 1024U);
  wanted.mtu = 2048;
  EXPECT_THAT(agreed(wanted, roce(1), theirs).error().what,
              HasSubstr("above the 1024 of rxe0 port 1 of 10.9.0.1"));
}

TEST(Routes, an_end_without_roce_v2_gid_is_named) {
  Greeting theirs = roce(2);
  theirs.gids.clear();
  const auto route = agreed(settings(), roce(1), theirs);
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().what, "rxe0 port 1 of 10.9.0.2 has no RoCE v2 GID");
  EXPECT_THAT(route.error().hint, HasSubstr("IP address"));
}

TEST(Routes, ports_of_different_networks_are_told_apart) {
  EXPECT_THAT(agreed(settings(), roce(1), infiniband(3)).error().what, HasSubstr("is Ethernet"));
}

TEST(Routes, a_lid_is_asked_of_infiniband_alone) {
  Settings wanted = settings();
  wanted.addressing = Addressing::kLid;
  EXPECT_THAT(agreed(wanted, roce(1), roce(2)).error().what, HasSubstr("has no LID"));
  EXPECT_THAT(agreed(settings(), infiniband(0), infiniband(3)).error().hint, HasSubstr("subnet manager"));
}

TEST(Routes, a_datagram_fits_one_packet) {
  Settings wanted = settings();
  wanted.transport = Transport::kDatagram;
  wanted.size = 2048;
  EXPECT_THAT(agreed(wanted, roce(1), roce(2)).error().what, HasSubstr("does not fit the MTU of 1024"));
  wanted.size = 1024;
  EXPECT_TRUE(agreed(wanted, roce(1), roce(2)));
}

}  // namespace
}  // namespace millrace::rdma
