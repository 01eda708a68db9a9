// SPDX-License-Identifier: Apache-2.0
// Which addresses and ports probes may use.
#include "run/address_range.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run/describe.hpp"
#include "run/port_range.hpp"
#include "run/worker_spec.hpp"

namespace millrace::run {
namespace {

using ::testing::HasSubstr;

TEST(AddressRange, HasOneSpelling) {
  EXPECT_EQ(address_range("10.0.0.1").value(), "10.0.0.1");
  EXPECT_EQ(address_range("FD00:0::1").value(), "fd00::1");
  EXPECT_EQ(address_range("10.1.0.0/16").value(), "10.1.0.0/16");
  EXPECT_EQ(address_range("FD00:0:0::/64").value(), "fd00::/64");
  EXPECT_EQ(address_range("10.1.2.3/32").value(), "10.1.2.3/32");
}

TEST(AddressRange, ThatIsNoneOrIsAllThereAreIsRefused) {
  for (const char* text : {"10.1.0.0/0", "10.1.0.0/33", "fd00::/129", "10.1.0.0/", "10.1.0.0/-1",
                           "10.1.0.0/8x", "10.1.0.0//8"}) {
    const auto refused = address_range(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().what, HasSubstr("its prefix has 1 to")) << text;
  }
  for (const char* text : {"0.0.0.0/8", "::/8", "node2/8", "", "/8", "224.0.0.0/4"})
    EXPECT_FALSE(address_range(text)) << text;
}

TEST(AddressRange, HoldsTheAddressesOfItsNetworkAndNoOthers) {
  EXPECT_TRUE(is_within("10.1.255.3", {"192.168.0.1", "10.1.0.0/16"}));
  EXPECT_FALSE(is_within("10.2.0.3", {"10.1.0.0/16"}));
  EXPECT_TRUE(is_within("10.1.0.129", {"10.1.0.130/25"})) << "bits after the prefix do not count";
  EXPECT_FALSE(is_within("10.1.0.127", {"10.1.0.130/25"}));
  EXPECT_TRUE(is_within("fd00::7", {"fd00::/64"}));
  EXPECT_FALSE(is_within("fd00:0:0:1::7", {"fd00::/64"}));
  EXPECT_TRUE(is_within("::ffff:10.1.2.3", {"10.1.0.0/16"})) << "IPv4 in IPv6's clothes";
  EXPECT_FALSE(is_within("a01::", {"10.1.0.0/16"})) << "the same first bits, of another family";
}

TEST(AddressRange, DoesNotCareByWhichInterfaceALinkLocalAddressIsReached) {
  EXPECT_TRUE(is_within("fe80::1%eth0", {"fe80::1%eth3"}));
  EXPECT_FALSE(is_within("fe80::2%eth0", {"fe80::1%eth0"}));
}

TEST(AddressRange, HoldsNothingThatIsNoAddress) {
  for (const char* text : {"", "node2", "0.0.0.0", "10.0.0.0/8"})
    EXPECT_FALSE(is_within(text, {"10.0.0.0/8", "", "node2", text})) << text;
}

TEST(HostGroup, ThatAgreedToNothingInParticularMayUseAnyAddress) {
  HostGroup hosts{1, {"10.0.0.1", "10.0.0.2"}};
  EXPECT_TRUE(may_use(hosts, "192.168.0.1"));
  hosts.agreed = {"10.0.0.1", "10.0.0.2"};
  EXPECT_TRUE(may_use(hosts, "10.0.0.2"));
  EXPECT_FALSE(may_use(hosts, "192.168.0.1"));
  hosts.agreed = std::vector<std::string>{};
  EXPECT_FALSE(may_use(hosts, "10.0.0.2"));
}

TEST(HostGroup, IsTheSameInTheWorker) {
  WorkerSpec spec;
  spec.hosts = {1, {"10.0.0.1", "10.0.0.2"}, {{"10.0.0.1", "10.9.0.0/16"}}, {7500, 7520}};
  const HostGroup there = worker_spec_from_json(to_json(spec)).hosts;
  EXPECT_EQ(there.agreed, spec.hosts.agreed);
  EXPECT_EQ(there.ports.first, 7500);
  EXPECT_EQ(there.ports.last, 7520);
  spec.hosts.agreed.reset();
  EXPECT_FALSE(worker_spec_from_json(to_json(spec)).hosts.agreed);
}

TEST(PortRange, IsOnePortOrMore) {
  const auto many = port_range("7500-7520");
  ASSERT_TRUE(many);
  EXPECT_EQ(many->first, 7500);
  EXPECT_EQ(many->last, 7520);
  const auto one = port_range("65535");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->first, 65535);
  EXPECT_EQ(one->last, 65535);
}

TEST(PortRange, ThatIsNoneIsRefused) {
  for (const char* text :
       {"", "0", "0-9", "7520-7500", "7500-", "-7500", "7500-65536", "7500-7510-7520", "any"}) {
    const auto refused = port_range(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_THAT(refused.error().what, HasSubstr("is no range of ports")) << text;
  }
}

}  // namespace
}  // namespace millrace::run
