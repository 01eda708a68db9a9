// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/interface_of.hpp"

#include <gtest/gtest.h>

namespace millrace::collective {
namespace {

TEST(InterfaceOf, AnAddressIsTheOneThatHasIt) {
  EXPECT_EQ(interface_of("127.0.0.1"), "lo");
  EXPECT_EQ(interface_of("203.0.113.77"), "")
      << "an address of documentation (RFC 5737), of no interface here";
}

TEST(InterfaceOf, ALinkLocalAddressIsTheOneThatStandsWithIt) {
  EXPECT_EQ(interface_of("fe80::1%eth7"), "eth7");
}

}  // namespace
}  // namespace millrace::collective
