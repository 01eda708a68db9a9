// SPDX-License-Identifier: Apache-2.0
// What the other end of a link may not make this host do.
#include "modules/rdma/allowed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::rdma {
namespace {

using ::testing::HasSubstr;

Gid of_ipv4(std::uint8_t network, std::uint8_t last) {
  Gid gid;
  gid.raw = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, network, 0, last};
  return gid;
}

Gid link_local() {
  Gid gid;
  gid.raw = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
  return gid;
}

const Allowance only_of_network_9{[](const std::string& address) { return address.starts_with("10.9."); }};

TEST(AllowedAddresses, are_the_only_ones_that_an_end_offers) {
  std::vector<Gid> gids{link_local(), of_ipv4(8, 1), of_ipv4(9, 1)};
  ASSERT_TRUE(keep_allowed(gids, "rxe0 port 1", only_of_network_9));
  ASSERT_EQ(gids.size(), 1U);
  EXPECT_EQ(gids.front().text(), "10.9.0.1");
}

TEST(AllowedAddresses, that_a_port_has_none_of_are_named_with_the_way_out) {
  std::vector<Gid> gids{link_local(), of_ipv4(8, 1)};
  const auto kept = keep_allowed(gids, "rxe1 port 1", only_of_network_9);
  ASSERT_FALSE(kept);
  EXPECT_THAT(kept.error().what,
              HasSubstr("rxe1 port 1 has fe80::7, 10.8.0.1: neither an address of the session"));
  EXPECT_THAT(kept.error().hint, HasSubstr("--allow-address 10.8.0.1,"));
  EXPECT_EQ(kept.error().exit, Exit::kInconclusive);
}

TEST(AllowedAddresses, are_the_only_ones_to_which_an_end_sends) {
  EXPECT_TRUE(check_allowed(of_ipv4(9, 2), "rxe0 port 1 of 10.9.0.2", only_of_network_9));
  const auto refused = check_allowed(of_ipv4(8, 2), "rxe0 port 1 of 10.9.0.2", only_of_network_9);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("rxe0 port 1 of 10.9.0.2 has 10.8.0.2: neither"));
  EXPECT_THAT(refused.error().hint, HasSubstr("--allow-address 10.8.0.2"));
}

TEST(AllowedAddresses, are_those_of_the_host_that_asks_too_and_it_is_told_what_to_give) {
  const Allowance here{only_of_network_9.may_use, true};
  EXPECT_TRUE(check_allowed(of_ipv4(9, 2), "rxe0 port 1 of 10.9.0.2", here));
  const auto refused = check_allowed(of_ipv4(8, 2), "rxe0 port 1 of 10.9.0.2", here);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("nor in a network that this host is attached to"));
  EXPECT_THAT(refused.error().hint, HasSubstr("give --allow-address 10.8.0.2 here"));
}

TEST(AllowedAddresses, are_where_a_connection_of_rdma_cm_must_lead) {
  ibv_ah_attr way{};
  const Gid theirs = of_ipv4(9, 2);
  std::copy(theirs.raw.begin(), theirs.raw.end(), std::begin(way.grh.dgid.raw));
  EXPECT_FALSE(leads_to(way, theirs)) << "an address that is not used";
  way.is_global = 1;
  EXPECT_TRUE(leads_to(way, theirs));
  EXPECT_FALSE(leads_to(way, of_ipv4(8, 2)));
}

}  // namespace
}  // namespace millrace::rdma
