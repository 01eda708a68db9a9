// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "ends.hpp"
#include "fine.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

TEST(TcpLatency, OnlyTheEndThatAsksCounts) {
  const auto m = fine(Ends("tcp.latency", {}).measure(500ms));
  EXPECT_GT(m[0].operations, 100u);
  EXPECT_EQ(m[0].latencies, m[0].operations);
  EXPECT_EQ(m[0].bytes, 64 * m[0].operations);
  EXPECT_EQ(m[1].operations, 0u);
  EXPECT_EQ(m[0].verified, true);
}

TEST(TcpLatency, RoundTripsOfAClosedLoopFillItsTime) {
  const auto m = fine(Ends("tcp.latency", {}).measure(400ms));
  double sum_s = 0;
  for (std::uint32_t bucket = 0; bucket < m[0].histogram.size(); ++bucket)
    sum_s += static_cast<double>(m[0].histogram[bucket] * millrace_latency_bucket_floor(bucket)) * 1e-9;
  EXPECT_GT(sum_s, 0.9 * m[0].run_s);
  EXPECT_LT(sum_s, m[0].run_s);
}

TEST(TcpLatency, HalfOfARoundTripIsHalfAndSaysSo) {
  const auto m = fine(Ends("tcp.latency", {{"report", "half"}}).measure(400ms));
  double sum_s = 0;
  for (std::uint32_t bucket = 0; bucket < m[0].histogram.size(); ++bucket)
    sum_s += static_cast<double>(m[0].histogram[bucket] * millrace_latency_bucket_floor(bucket)) * 1e-9;
  EXPECT_GT(sum_s, 0.45 * m[0].run_s);
  EXPECT_LT(sum_s, 0.5 * m[0].run_s);
  EXPECT_TRUE(m[0].has_flag("half-round-trip"));
  EXPECT_TRUE(m[0].samples.contains("half_round_trip_s"));
  EXPECT_FALSE(m[0].samples.contains("round_trip_s"));
}

TEST(TcpLatency, SamplesAreDrawnFromAllReplies) {
  const auto m = fine(Ends("tcp.latency", {}).measure(500ms));
  const auto& samples = m[0].samples.at("round_trip_s");
  EXPECT_EQ(samples.size(), std::min<std::size_t>(4096, m[0].operations));
  EXPECT_FALSE(m[0].has_flag("half-round-trip"));
}

TEST(TcpLatency, LargeMessagesComeBackWhole) {
  const auto m = fine(Ends("tcp.latency", {{"message-size", "5000003B"}}).measure(500ms));
  EXPECT_GT(m[0].operations, 0u);
  EXPECT_EQ(m[0].verified, true);
}

TEST(TcpLatency, AnOpenLoopKeepsItsRate) {
  const auto m = fine(Ends("tcp.latency", {{"rate", "500"}, {"seed", "1"}}).measure(2000ms));
  // 1,000 arrivals: their count scatters by sqrt(1000) = 32.
  EXPECT_NEAR(static_cast<double>(m[0].operations), 500 * m[0].run_s, 5 * 32);
  EXPECT_FALSE(m[0].has_flag("rate-not-reached"));
}

TEST(TcpLatency, AnOpenLoopCountsFromWhenARequestShouldHaveGone) {
  // Far beyond what one connection does with such messages: requests wait for each other, and that counts.
  const auto m = fine(Ends("tcp.latency", {{"rate", "1M"}, {"message-size", "64KiB"}}).measure(500ms));
  EXPECT_GT(m[0].latency_quantile_ns(0.9), 100'000'000u);
}

TEST(TcpLatency, PollingFromTheProgramWorksToo) {
  const auto m = fine(Ends("tcp.latency", {{"wait", "spin"}}).measure(500ms));
  EXPECT_GT(m[0].operations, 10u);
  const auto open = fine(Ends("tcp.latency", {{"wait", "spin"}, {"rate", "200"}}).measure(500ms));
  EXPECT_GT(open[0].operations, 10u);
}

TEST(TcpLatency, OneAsksManyEachOnItsOwnConnection) {
  const auto m = fine(Ends("tcp.latency", {}, 3).measure(500ms));
  EXPECT_GT(m[0].operations, 100u);
  EXPECT_EQ(m[0].workers[0].threads, 2u);
  EXPECT_EQ(m[1].operations + m[2].operations, 0u);
}

TEST(TcpLatency, EndsThatAreStoppedAtDifferentTimesCope) {
  for (const int early : {0, 1}) {
    Ends ends("tcp.latency", {});
    ends.stop_after(early, 50ms);
    fine(ends.measure(400ms));
  }
}

}  // namespace
}  // namespace millrace::testing
