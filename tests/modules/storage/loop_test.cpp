// SPDX-License-Identifier: Apache-2.0
// How operations are driven and timed.
#include <gtest/gtest.h>

#include <algorithm>

#include "in_process_host.hpp"
#include "modules/storage/closed_loop.hpp"
#include "modules/storage/service_times.hpp"
#include "scratch.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

class Loop : public ::testing::Test {
 protected:
  // Operations per second of random 4 KiB reads, buffered: this machine's drives may be throttled.
  Measured read(InProcessHost::Parameters more, std::chrono::milliseconds time) {
    more.insert({{"path", file_}, {"pattern", "random"}, {"block-size", "4KiB"}, {"direct", "off"}});
    return host_.measure("storage.read", more, time);
  }

  void SetUp() override {
    file_ = folder_ / "data";
    write_random_file(file_, 4 << 20);
  }

  InProcessHost host_{module_file("storage")};
  ScratchFolder folder_;
  std::string file_;
};

TEST_F(Loop, EndsSoonAfterItIsCancelledWithEveryOperationTimed) {
  const Measured m = read({{"queue-depth", "64"}}, 300ms);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_GE(m.run_s, 0.3);
  EXPECT_LT(m.run_s, 1.5);
  EXPECT_EQ(m.latencies, m.operations);
  EXPECT_EQ(m.bytes, m.operations * 4096);
  EXPECT_GT(m.publishes, 10U);
  EXPECT_LE(m.latency_min_ns, m.latency_max_ns);
}

TEST_F(Loop, GathersCompletionsIntoFewSystemCalls) {
  const Measured m = read({{"queue-depth", "64"}, {"batch", "16"}}, 500ms);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_LT(m.counters.at("storage:system_calls"), static_cast<double>(m.operations) / 8);
}

TEST_F(Loop, KeepsItsGivenRate) {
  const Measured m = read({{"rate", "5k"}}, 2s);
  ASSERT_TRUE(m.ok()) << m.what;
  // Poisson: the standard deviation of 10,000 is 100. The run itself lasts a little over two seconds.
  EXPECT_NEAR(static_cast<double>(m.operations) / m.run_s, 5000, 250);
  EXPECT_FALSE(m.has_flag("rate-not-reached"));
}

TEST_F(Loop, CountsTheTimeThatArrivalsWaitForAPlaceInTheQueue) {
  const double capability = static_cast<double>(read({{"queue-depth", "1"}}, 500ms).operations) / 0.5;
  const std::string rate = std::to_string(static_cast<std::uint64_t>(4 * capability));
  const Measured m = read({{"queue-depth", "1"}, {"rate", rate}}, 1s);
  ASSERT_TRUE(m.ok()) << m.what;
  // At four times what it can do, three quarters of all arrivals are waiting at the end: the last one that
  // was served had waited for about 0.75 s, the median one for about half as long.
  EXPECT_TRUE(m.has_flag("rate-not-reached"));
  EXPECT_GT(m.latency_quantile_ns(0.5), 150'000'000U);
  EXPECT_GT(m.latency_max_ns, 400'000'000U);
  // The drive was as fast as ever: one at a time, it was only begun late.
  EXPECT_LT(m.samples.at("service_p50_s").front(), 0.015);
  ASSERT_TRUE(m.samples.contains("service_p99_s")) << m.operations << " operations";
  EXPECT_GE(m.samples.at("service_p99_s").front(), m.samples.at("service_p50_s").front());
}

TEST_F(Loop, TimesTheServiceOfAnOpenLoopAlone) {
  EXPECT_FALSE(read({}, 200ms).samples.contains("service_p50_s"));
  const Measured m = read({{"rate", "5k"}, {"threads", "2"}}, 500ms);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_GT(m.samples.at("service_p50_s").front(), 0);
  EXPECT_LE(m.samples.at("service_p50_s").front(), 1.01e-9 * static_cast<double>(m.latency_quantile_ns(0.5)));
  EXPECT_FALSE(m.samples.contains("service_p999_s")) << "of 2,500 operations two or three lie beyond it";
}

TEST(ServiceTimes, HaveTheQuantilesOfWhatWasCounted) {
  storage::ServiceTimes times, more;
  for (int i = 1; i <= 600; ++i) times.add(1000 * i);
  EXPECT_FALSE(times.quantile_s(0.99));
  for (int i = 601; i <= 1000; ++i) more.add(1000 * i);
  times.merge(more);
  EXPECT_NEAR(*times.quantile_s(0.5), 500e-6, 4e-6);
  EXPECT_NEAR(*times.quantile_s(0.99), 990e-6, 8e-6);
  EXPECT_FALSE(times.quantile_s(0.999));
}

TEST_F(Loop, DividesTheRateAmongThreads) {
  const Measured m = read({{"rate", "4k"}, {"threads", "2"}}, 1s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_NEAR(static_cast<double>(m.operations) / m.run_s, 4000, 300);
}

TEST_F(Loop, ReadsTheSameBlocksAgainWithTheSameSeed) {
  // One pass over random blocks of a file with a short tail: how often the tail was drawn shows in the bytes.
  write_random_file(file_, (1 << 20) + 100);
  const auto bytes = [&](const char* seed) { return read({{"seed", seed}, {"passes", "20"}}, 60s).bytes; };
  EXPECT_EQ(bytes("7"), bytes("7"));
  EXPECT_NE(bytes("7"), bytes("8"));
}

TEST(Gathering, WaitsForOneCompletionOnASlowDriveAndForABatchOnAFastOne) {
  storage::Gathering slow(16, 0), fast(16, 0), between(16, 0);
  EXPECT_EQ(fast.wanted(), 1U);
  slow.completed(1, 1'000'000);
  EXPECT_EQ(slow.wanted(), 1U);
  fast.completed(500, 1'000'000);
  EXPECT_EQ(fast.wanted(), 16U);
  between.completed(50, 1'000'000);  // 20 us each: five within 100 us
  EXPECT_EQ(between.wanted(), 5U);
  fast.completed(1, 2'000'000);  // a hiccup
  EXPECT_GT(fast.wanted(), 10U);
  for (std::int64_t ms = 3; ms < 30; ++ms) fast.completed(1, ms * 1'000'000);
  EXPECT_EQ(fast.wanted(), 1U);
}

}  // namespace
}  // namespace millrace::testing
