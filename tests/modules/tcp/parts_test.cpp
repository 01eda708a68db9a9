// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "modules/tcp/address.hpp"
#include "modules/tcp/receiver.hpp"
#include "modules/tcp/route.hpp"
#include "modules/tcp/socket.hpp"
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

// A listener on any port of loopback, and a range that begins with that port.
struct TakenPort {
  Socket listener = std::move(*listen_on(*Address::parse("127.0.0.1"), {}));
  std::uint16_t port = Address::of_socket(listener.fd()).port();
  [[nodiscard]] LinkOptions range(int more) const {
    LinkOptions options;
    options.first_port = port;
    options.last_port = static_cast<std::uint16_t>(std::min(port + more, 65535));
    return options;
  }
};

TEST(TcpListening, TakesAFreePortOfTheRange) {
  const TakenPort taken;
  const auto options = taken.range(30);
  const auto listening = listen_on(*Address::parse("127.0.0.1"), options);
  ASSERT_TRUE(listening) << listening.error().what;
  const std::uint16_t port = Address::of_socket(listening->fd()).port();
  EXPECT_GT(port, options.first_port);
  EXPECT_LE(port, options.last_port);
}

TEST(TcpListening, SaysSoWhenNoPortOfTheRangeIsFree) {
  const TakenPort taken;
  const auto refused = listen_on(*Address::parse("127.0.0.1"), taken.range(0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, fmt::format("no port from {0} to {0} is free on 127.0.0.1", taken.port));
  EXPECT_NE(refused.error().hint.find("--ports"), std::string::npos);
}

TEST(TcpListening, TakesNoOtherPortThanOneOfTheRange) {
  const TakenPort taken;
  const auto outside = static_cast<std::uint16_t>(taken.port - 1);
  const auto refused = listen_on(*Address::parse("127.0.0.1", outside), taken.range(5));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find(fmt::format("--port {} is none of the ports", outside)),
            std::string::npos);
  const auto options = taken.range(30);
  EXPECT_TRUE(listen_on(*Address::parse("127.0.0.2", options.last_port), options))
      << "one of them that is asked for";
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
