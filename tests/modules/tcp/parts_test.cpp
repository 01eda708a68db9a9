// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "modules/tcp/address.hpp"
#include "modules/tcp/receiver.hpp"
#include "modules/tcp/route.hpp"
#include "modules/tcp/verification.hpp"

namespace millrace::tcp {
namespace {

TEST(TcpAddress, IsNumericAndNothingElse) {
  EXPECT_EQ(Address::parse("10.1.2.3", 80)->text(), "10.1.2.3:80");
  EXPECT_EQ(Address::parse("fd00::1", 80)->text(), "[fd00::1]:80");
  for (const char* wrong : {"", "localhost", "10.1.2", "10.1.2.3:80", "10.1.2.3/24", "::g"})
    EXPECT_FALSE(Address::parse(wrong).has_value() && Address::parse(wrong)->host_text() == wrong) << wrong;
  EXPECT_NE(Address::parse("localhost").error().what.find("localhost"), std::string::npos);
}

TEST(TcpAddress, HostsAreComparedWithoutTheirPorts) {
  EXPECT_TRUE(Address::parse("10.0.0.1", 1)->same_host(*Address::parse("10.0.0.1", 2)));
  EXPECT_FALSE(Address::parse("10.0.0.1")->same_host(*Address::parse("10.0.0.2")));
  EXPECT_FALSE(Address::parse("127.0.0.1")->same_host(*Address::parse("::1")));
}

TEST(TcpRoute, LoopbackLeavesByLo) {
  const Address here = *Address::parse("127.0.0.1"), there = *Address::parse("127.0.0.9");
  EXPECT_EQ(device_towards(there, here).value_or("none"), "lo");
}

TEST(TcpVerification, ThePatternIsTheSameInPartsAsInOne) {
  std::array<std::byte, 4096 + 5> whole{}, parts{};
  fill_pattern(whole, 42, 0);
  fill_pattern(std::span(parts).first(1024), 42, 0);
  fill_pattern(std::span(parts).subspan(1024), 42, 1024);
  EXPECT_EQ(whole, parts);
  EXPECT_EQ(first_wrong(whole, 42, 0), whole.size());
}

TEST(TcpVerification, EveryFlippedBitIsFoundWhereItIs) {
  std::array<std::byte, 64 + 5> bytes{};
  fill_pattern(bytes, 7, 800);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] ^= std::byte(1 << bit);
      ASSERT_EQ(first_wrong(bytes, 7, 800), at);
      bytes[at] ^= std::byte(1 << bit);
    }
}

TEST(TcpVerification, AnotherStreamsOrAShiftedPatternIsWrong) {
  std::array<std::byte, 64> bytes{};
  fill_pattern(bytes, 7, 0);
  EXPECT_LT(first_wrong(bytes, 8, 0), bytes.size());
  EXPECT_LT(first_wrong(bytes, 7, 8), bytes.size());
}

TEST(TcpWakeUp, WaitsForWhatComesWithinATenthOfAMillisecond) {
  WakeUp wake_up(1 << 20);
  std::int64_t now = 1'000'000'000;
  int told = wake_up.received(0, now);
  for (int i = 0; i < 10; ++i)  // 1 GB/s
    if (const int bytes = wake_up.received(3'000'000, now += 3'000'000); bytes > 0) told = bytes;
  EXPECT_NEAR(told, 100'000, 35'000);
  for (int i = 0; i < 10; ++i)  // 5 kB/s
    if (const int bytes = wake_up.received(1'000, now += 200'000'000); bytes > 0) told = bytes;
  EXPECT_EQ(told, 1);
}

TEST(TcpWakeUp, NeverWaitsForMoreThanItMay) {
  WakeUp wake_up(4096);
  std::int64_t now = 1'000'000'000;
  int most = 0;
  for (int i = 0; i < 10; ++i) most = std::max(most, wake_up.received(100'000'000, now += 3'000'000));
  EXPECT_EQ(most, 4096);
}

}  // namespace
}  // namespace millrace::tcp
