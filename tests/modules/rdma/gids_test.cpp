// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/gids.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <vector>

namespace millrace::rdma {
namespace {

Gid gid(std::uint32_t index, const char* address, GidType type = GidType::kRoceV2) {
  Gid made;
  made.index = index;
  made.type = type;
  const std::string text =
      std::string(address).find(':') == std::string::npos ? std::string("::ffff:") + address : address;
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), made.raw.data()), 1) << address;
  return made;
}

// As a RoCE NIC with one IPv4 address lists them: each address as RoCE v1 and as v2.
std::vector<Gid> table(const char* ipv4) {
  return {gid(0, "fe80::1", GidType::kRoceV1), gid(1, "fe80::1"), gid(2, ipv4, GidType::kRoceV1),
          gid(3, ipv4)};
}

TEST(Gids, of_a_usual_table_the_ipv4_address_of_roce_v2_is_chosen) {
  const auto chosen = choose_gids(table("10.9.0.1"), table("10.9.0.2"), "", "");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->first.index, 3U);
  EXPECT_EQ(chosen->second.text(), "10.9.0.2");
}

TEST(Gids, the_addresses_by_which_the_hosts_met_go_first) {
  const std::vector<Gid> mine{gid(1, "10.1.0.1"), gid(2, "10.2.0.1")},
      theirs{gid(1, "10.1.0.2"), gid(2, "10.2.0.2")};
  const auto chosen = choose_gids(mine, theirs, "10.2.0.1", "10.2.0.2");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->first.index, 2U);
  EXPECT_EQ(chosen->second.index, 2U);
}

TEST(Gids, else_addresses_of_one_network_do_though_they_come_later_in_the_table) {
  const std::vector<Gid> mine{gid(1, "192.168.7.1"), gid(5, "10.2.0.1")};
  const auto chosen = choose_gids(mine, table("10.2.0.2"), "172.16.0.1", "172.16.0.2");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->first.text(), "10.2.0.1");
}

TEST(Gids, without_ipv4_on_both_ends_ipv6_is_used) {
  const std::vector<Gid> mine{gid(0, "fe80::1"), gid(1, "2001:db8::1")},
      theirs{gid(0, "fe80::2"), gid(4, "2001:db8::2")};
  EXPECT_EQ(choose_gids(mine, theirs, "", "")->second.index, 4U);
  EXPECT_TRUE(choose_gids(table("10.9.0.1"), theirs, "", "")->first.is_link_local());
}

TEST(Gids, both_ends_choose_the_same_pair) {
  const std::vector<Gid> mine{gid(1, "10.1.0.1"), gid(2, "10.1.0.3")},
      theirs{gid(1, "10.1.0.2"), gid(2, "10.1.0.4")};
  const auto here = choose_gids(mine, theirs, "", ""), there = choose_gids(theirs, mine, "", "");
  ASSERT_TRUE(here && there);
  EXPECT_EQ(here->first, there->second);
  EXPECT_EQ(here->second, there->first);
}

TEST(Gids, there_is_none_where_the_ports_share_no_roce_v2_address_of_one_kind) {
  const std::vector<Gid> only_v1{gid(0, "10.9.0.1", GidType::kRoceV1)}, ipv6{gid(0, "2001:db8::1")};
  EXPECT_FALSE(choose_gids(only_v1, table("10.9.0.2"), "", ""));
  EXPECT_FALSE(choose_gids(ipv6, std::vector<Gid>{gid(3, "10.9.0.2")}, "", ""));
  EXPECT_FALSE(choose_gids({}, ipv6, "", ""));
}

TEST(Gids, are_written_as_the_addresses_that_they_are) {
  EXPECT_EQ(gid(0, "10.9.0.1").text(), "10.9.0.1");
  EXPECT_EQ(gid(0, "fe80::5054:ff:fe09:0").text(), "fe80::5054:ff:fe09:0");
}

}  // namespace
}  // namespace millrace::rdma
