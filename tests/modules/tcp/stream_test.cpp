// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "ends.hpp"
#include "fine.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

TEST(TcpStream, OnlyTheReceiverCounts) {
  const auto m = fine(Ends("tcp.stream", {}).measure(500ms));
  ASSERT_EQ(m.size(), 2u);
  EXPECT_EQ(m[0].workers[0].role, "client");
  EXPECT_EQ(m[0].bytes, 0u);
  EXPECT_GT(m[1].bytes, 1'000'000u);
  // A block counts when its first byte came.
  EXPECT_EQ(m[1].operations, (m[1].bytes + (1 << 20) - 1) / (1 << 20));
  EXPECT_GT(m[1].publishes, 5u);
}

TEST(TcpStream, EveryByteOfTheCheckedPassIsRight) {
  const auto m = fine(Ends("tcp.stream", {{"streams", "3"}, {"direction", "both"}}).measure(300ms));
  for (const Measured& end : m) {
    EXPECT_EQ(end.verified, true);
    EXPECT_EQ(end.counters.at("tcp:verified_bytes"), 3 * ((4 << 20) / 3));
  }
}

TEST(TcpStream, WithoutACheckedPassNothingIsSaidToBeVerified) {
  const auto m = fine(Ends("tcp.stream", {{"verify", "off"}}).measure(300ms));
  EXPECT_FALSE(m[0].verified.has_value());
  EXPECT_FALSE(m[1].verified.has_value());
}

TEST(TcpStream, ReceivingCountsAtTheClient) {
  const auto m = fine(Ends("tcp.stream", {{"direction", "receive"}}).measure(400ms));
  EXPECT_GT(m[0].bytes, 0u);
  EXPECT_EQ(m[1].bytes, 0u);
}

TEST(TcpStream, BothDirectionsCountAtBothEnds) {
  const auto m =
      fine(Ends("tcp.stream", {{"direction", "both"}, {"threads", "2"}, {"streams", "4"}}).measure(500ms));
  EXPECT_GT(m[0].bytes, 0u);
  EXPECT_GT(m[1].bytes, 0u);
  EXPECT_EQ(m[0].workers[0].threads, 4u);
}

TEST(TcpStream, OneSendsToManyEachOnItsOwnAddress) {
  const auto m = fine(Ends("tcp.stream", {{"streams", "2"}}, 3).measure(500ms));
  ASSERT_EQ(m.size(), 3u);
  EXPECT_EQ(m[0].bytes, 0u);
  EXPECT_GT(m[1].bytes, 0u);
  EXPECT_GT(m[2].bytes, 0u);
}

TEST(TcpStream, ManySendToOne) {
  const auto m = fine(Ends("tcp.stream", {{"direction", "receive"}}, 4).measure(500ms));
  EXPECT_GT(m[0].bytes, 0u);
  EXPECT_EQ(m[0].counters.at("tcp:verified_bytes"), 3 * (4 << 20));
  for (std::size_t server : {1u, 2u, 3u}) EXPECT_EQ(m[server].bytes, 0u);
}

TEST(TcpStream, TheNicThatTheRouteTakesIsTheEndpoint) {
  Ends ends("tcp.stream", {}, 2);
  const Measured client = ends.describe(0), server = ends.describe(1);
  ASSERT_EQ(client.describe, MILLRACE_OK) << client.what;
  EXPECT_EQ(client.workers.at(0).from, "memory:0");
  EXPECT_EQ(client.workers.at(0).to, "nic:lo");
  EXPECT_EQ(server.workers.at(0).from, "nic:lo");
  EXPECT_EQ(server.workers.at(0).to, "memory:0");
}

TEST(TcpStream, SaysThatLoopbackLeavesTheHostNowhere) {
  const auto m = fine(Ends("tcp.stream", {{"streams", "2"}}).measure(300ms));
  EXPECT_TRUE(m[0].has_flag("loopback"));
  EXPECT_EQ(m[0].counters.at("tcp:connections_via_lo"), 2);
}

TEST(TcpStream, PacedToARateItKeepsTo) {
  const auto m =
      fine(Ends("tcp.stream", {{"rate", "40MB/s"}, {"streams", "2"}, {"verify", "off"}}).measure(1000ms));
  const double rate = static_cast<double>(m[1].bytes) / m[1].run_s;
  EXPECT_GT(rate, 30e6);
  EXPECT_LT(rate, 44e6);
}

TEST(TcpStream, TellsThatTheKernelCopiedInSpiteOfZeroCopy) {
  const auto m = fine(Ends("tcp.stream", {{"zero-copy", "on"}}).measure(500ms));
  EXPECT_GT(m[0].counters.at("tcp:zero_copy_sends"), 0);
  EXPECT_GT(m[0].counters.at("tcp:zero_copy_copied_sends"), 0);  // as it always does over loopback
  EXPECT_TRUE(m[0].has_flag("zero-copy-copied"));
  EXPECT_EQ(m[1].verified, true);
}

TEST(TcpStream, SeveralStreamsWithoutACopyToo) {
  const auto m =
      fine(Ends("tcp.stream", {{"zero-copy", "on"}, {"streams", "3"}, {"threads", "1"}}).measure(500ms));
  EXPECT_GT(m[1].bytes, 0u);
  EXPECT_GT(m[0].counters.at("tcp:zero_copy_sends"), 0);
}

TEST(TcpStream, DiscardingInTheKernelIsSaid) {
  const auto m = fine(Ends("tcp.stream", {{"discard", "on"}}).measure(400ms));
  EXPECT_GT(m[1].bytes, 0u);
  EXPECT_TRUE(m[1].has_flag("discarded-in-kernel"));
}

TEST(TcpStream, TheKernelsCountsAreEvidence) {
  const auto m = fine(Ends("tcp.stream", {}).measure(300ms));
  EXPECT_GT(m[0].counters.at("tcp:sent_data_segments"), 0);
  EXPECT_GE(m[0].counters.at("tcp:retransmitted_segments"), 0);
  EXPECT_GT(m[1].counters.at("tcp:received_data_segments"), 0);
  EXPECT_GT(m[0].samples.at("mss_bytes").front(), 500);
  EXPECT_GT(m[0].samples.at("sender_rtt_s").front(), 0);
  EXPECT_LT(m[0].samples.at("sender_rtt_s").front(), 1);
  EXPECT_GT(m[0].samples.at("sender_cwnd_bytes").front(), 0);
}

TEST(TcpStream, TheSegmentSizeAndBuffersGivenAreThoseUsed) {
  const auto m =
      fine(Ends("tcp.stream", {{"mss", "1000"}, {"send-buffer", "64KiB"}, {"receive-buffer", "64KiB"}})
               .measure(400ms));
  EXPECT_LE(m[0].samples.at("mss_bytes").front(), 1000);
  EXPECT_GT(m[1].bytes, 0u);
}

TEST(TcpStream, EndsThatAreStoppedAtDifferentTimesCope) {
  for (const int early : {0, 1}) {
    Ends ends("tcp.stream", {{"direction", "both"}});
    ends.stop_after(early, 50ms);
    const auto m = fine(ends.measure(400ms));
    EXPECT_LT(m[0].run_s, 3);
  }
}

TEST(TcpStream, OverIpVersion6) {
  Ends ends("tcp.stream", {{"peer-address", "::1"}});
  if (ends.describe().describe != MILLRACE_OK) GTEST_SKIP() << "no IPv6 loopback: " << ends.describe().what;
  EXPECT_GT(fine(Ends("tcp.stream", {{"peer-address", "::1"}}).measure(400ms))[1].bytes, 0u);
}

}  // namespace
}  // namespace millrace::testing
