// SPDX-License-Identifier: Apache-2.0
#include "run/peer/attached_networks.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "run/address_range.hpp"

namespace millrace::run::peer {
namespace {

TEST(AttachedNetworks, hold_the_neighbours_of_each_interface_and_nobody_else) {
  const auto networks = attached_networks();
  for (const std::string& network : networks) EXPECT_TRUE(address_range(network)) << network;
  EXPECT_TRUE(is_within("fe80::1", networks));
  EXPECT_FALSE(is_within("127.0.0.1", networks));
  EXPECT_FALSE(is_within("::1", networks));
  EXPECT_FALSE(is_within("240.0.0.1", networks)) << "of no network, RFC 1112";
  ifaddrs* all = nullptr;
  ASSERT_EQ(getifaddrs(&all), 0);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || one->ifa_netmask == nullptr)
      continue;
    if ((one->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) != 0 || (one->ifa_flags & IFF_UP) == 0) continue;
    in_addr own = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    const in_addr mask = reinterpret_cast<const sockaddr_in*>(one->ifa_netmask)->sin_addr;
    if (mask.s_addr == 0) continue;
    char text[INET_ADDRSTRLEN];
    // The first address of the network, whoever has it.
    own.s_addr &= mask.s_addr;
    EXPECT_TRUE(is_within(inet_ntop(AF_INET, &own, text, sizeof(text)), networks))
        << one->ifa_name << ' ' << text;
  }
  freeifaddrs(all);
}

}  // namespace
}  // namespace millrace::run::peer
