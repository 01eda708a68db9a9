// SPDX-License-Identifier: Apache-2.0
// The way to the other end, asked of this machine's kernel: loopback is there on every one.
#include "modules/rdma/reach.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::rdma {
namespace {

using ::testing::HasSubstr;

Gid gid(const char* address) {
  Gid made;
  made.raw[10] = made.raw[11] = 0xff;
  EXPECT_EQ(inet_pton(AF_INET, address, made.raw.data() + 12), 1);
  return made;
}

TEST(Reach, GoesToWhatLiesInANetworkOfTheInterface) {
  EXPECT_TRUE(
      check_reach(gid("127.0.0.1"), gid("127.9.9.9"), "lo", "rxe0 port 1", "rxe0 port 1 of 127.9.9.9"));
}

TEST(Reach, DoesNotGoToAnotherNetworkByAnInterfaceThatNoRouteLeavesBy) {
  const auto refused = check_reach(gid("127.0.0.1"), gid("203.0.113.7"), "lo", "rxe1 port 1", "rxe0 port 1");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("rxe1 port 1 with 127.0.0.1 cannot reach rxe0 port 1 with "
                                              "203.0.113.7: that address is in no network of lo, and "));
  EXPECT_THAT(refused.error().hint, HasSubstr("--peer-device"));
}

TEST(Reach, IsNotDoubtedWhereTheInterfaceIsNotKnown) {
  EXPECT_TRUE(check_reach(gid("127.0.0.1"), gid("203.0.113.7"), "", "here", "there"));
  EXPECT_EQ(interface_of("no_such_device", 1, gid("127.0.0.1")), "");
}

}  // namespace
}  // namespace millrace::rdma
