// SPDX-License-Identifier: Apache-2.0
#include "record/pool_repeats.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "record/document.hpp"

namespace millrace::record {
namespace {

using ::testing::UnorderedElementsAre;

// A measurement with repeats of these rates.
Measurement with(const std::vector<double>& rates) {
  Measurement m;
  m.id = "m1";
  m.probe = "storage.read";
  for (const double rate : rates) m.repeats.push_back({rate, rate / 10, 1, 2, "time limit"});
  m.throughput_bytes_per_s.mean = rates.empty() ? 0 : rates.front();
  m.duration_s = static_cast<double>(rates.size());
  return m;
}

TEST(PoolRepeats, HasAllRepeatsAndTheIntervalOverThem) {
  const Measurement whole = pool_repeats(with({4, 1, 3}), with({2, 5}));
  ASSERT_EQ(whole.repeats.size(), 5U);
  EXPECT_EQ(whole.repeats[1].throughput_bytes_per_s, 1);
  EXPECT_EQ(whole.repeats[4].throughput_bytes_per_s, 5);
  EXPECT_DOUBLE_EQ(whole.throughput_bytes_per_s.mean, 3);
  const double half = 2.776445105 * std::sqrt(0.5);  // Student's t of four degrees of freedom
  EXPECT_NEAR(*whole.throughput_bytes_per_s.ci95_high, 3 + half, 1e-8);
  EXPECT_DOUBLE_EQ(whole.operations_per_s.mean, 0.3);
  EXPECT_DOUBLE_EQ(whole.duration_s, 5);
}

TEST(PoolRepeats, MergesLatenciesAsIfTheyWereOne) {
  Measurement a = with({1}), b = with({1});
  a.latency_histogram = LatencyHistogram{"ns", 7, {{5, 600}, {9, 400}}};
  b.latency_histogram = LatencyHistogram{"ns", 7, {{9, 500}, {11, 500}}};
  const Measurement whole = pool_repeats(a, b);
  EXPECT_EQ(whole.latency_histogram->buckets,
            (std::vector<std::pair<std::uint32_t, std::uint64_t>>{{5, 600}, {9, 900}, {11, 500}}));
  EXPECT_EQ(whole.latency_s->count, 2000U);
  EXPECT_EQ(whole.latency_s->resolved_to, "p99");
}

TEST(PoolRepeats, WeighsMeansByTheirRepeatsAndAddsWhatIsCounted) {
  Measurement a = with({1, 1}), b = with({1});
  a.stages = {{"prep", 2, 0.9, 0, 0, 4, 200, {}, ""}};
  b.stages = {{"prep", 2, 0.3, 0, 0, 1, 100, {}, ""}};
  a.counters = {{"worker:bytes", 20}, {"worker:peak_memory_bytes", 7}};
  b.counters = {{"worker:bytes", 10}, {"worker:peak_memory_bytes", 9}};
  a.metrics["step_s"] = {3, 1.0, 0.5, 0.5, 1, 1, 2};
  b.metrics["step_s"] = {1, 5.0, 5, 5, 5, 5, 5};
  a.flags = {"unsteady"}, b.flags = {"overslept"};
  const Measurement whole = pool_repeats(a, b);
  EXPECT_DOUBLE_EQ(whole.stages[0].busy_share, 0.7);
  EXPECT_EQ(whole.stages[0].bytes, 300U);
  EXPECT_EQ(whole.stages[0].threads, 2);
  EXPECT_EQ(whole.counters.at("worker:bytes"), 30);
  EXPECT_EQ(whole.counters.at("worker:peak_memory_bytes"), 9);
  EXPECT_DOUBLE_EQ(whole.metrics.at("step_s").mean, 2);
  EXPECT_EQ(whole.metrics.at("step_s").max, 5);
  EXPECT_TRUE(std::isnan(whole.metrics.at("step_s").p50)) << "nobody knows it";
  EXPECT_THAT(whole.flags, UnorderedElementsAre("unsteady", "overslept"));
}

TEST(PoolRepeats, FailsWhereTheLaterOneDid) {
  Measurement failed = with({});
  failed.status = "failed", failed.reason = "the disk is gone";
  const Measurement whole = pool_repeats(with({4, 2}), failed);
  EXPECT_EQ(whole.status, "failed");
  EXPECT_EQ(whole.reason, "the disk is gone");
  EXPECT_EQ(whole.repeats.size(), 2U) << "with the figures of those that did not";
  EXPECT_EQ(whole.throughput_bytes_per_s.mean, 4);
}

TEST(PoolRepeats, GivesWhatADocumentHolds) {
  Measurement a = with({1, 2}), b = with({3});
  a.metrics["step_s"] = {3, 1.0, 0.5, 0.5, 1, 1, 2};
  b.metrics["step_s"] = a.metrics["step_s"];
  const auto again = parse_measurement(to_json_line(pool_repeats(a, b)), "pooled");
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->repeats.size(), 3U);
}

}  // namespace
}  // namespace millrace::record
