// SPDX-License-Identifier: Apache-2.0
#include "stats/latency_histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace millrace::stats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

double ns(std::optional<double> seconds) { return seconds.value() * 1e9; }

std::vector<std::uint64_t> latencies(std::size_t count) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> distribution(std::log(90e3), 1.5);  // median 90 us, a long tail
  std::vector<std::uint64_t> values(count);
  for (auto& value : values) value = static_cast<std::uint64_t>(distribution(random));
  return values;
}

LatencyHistogram histogram_of(std::span<const std::uint64_t> values) {
  LatencyHistogram histogram;
  for (const auto value : values) histogram.add(value);
  return histogram;
}

TEST(LatencyHistogram, KnowsEveryQuantileToWithinOnePerCent) {
  auto values = latencies(100'000);
  const LatencyHistogram histogram = histogram_of(values);
  std::sort(values.begin(), values.end());
  for (const double q : {0.0001, 0.05, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * 100'000 - 1e-6));
    const auto exact = static_cast<double>(values[rank - 1]);
    EXPECT_NEAR(ns(histogram.quantile(q)) / exact, 1, 0.0041) << q;
  }
  EXPECT_EQ(ns(histogram.min()), static_cast<double>(values.front()));
  EXPECT_EQ(ns(histogram.max()), static_cast<double>(values.back()));
}

TEST(LatencyHistogram, KeepsItsErrorFromNanosecondsToMinutes) {
  for (double exact = 1; exact < 4e12; exact *= 1.07) {
    LatencyHistogram histogram;
    const auto value = static_cast<std::uint64_t>(exact);
    histogram.add(1);
    histogram.add(value, 10);
    histogram.add(5'000'000'000'000);
    EXPECT_NEAR(ns(histogram.quantile(0.5)) / static_cast<double>(value), 1, 0.0041) << value;
  }
}

// Below 2^8 ns each value has its own bucket, so ranks can be checked one by one.
TEST(LatencyHistogram, TakesTheRankThatTheDefinitionSays) {
  LatencyHistogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.add(value);
  for (int per_cent = 1; per_cent <= 100; ++per_cent)
    EXPECT_EQ(std::lround(ns(histogram.quantile(per_cent / 100.0))), per_cent) << "p" << per_cent;
  EXPECT_EQ(std::lround(ns(histogram.quantile(0.991))), 100) << "99.1 of 100 must not exceed it, so 100";
  EXPECT_EQ(std::lround(ns(histogram.quantile(0))), 1);
  EXPECT_EQ(std::lround(ns(histogram.quantile(-3))), 1);
  EXPECT_EQ(std::lround(ns(histogram.quantile(3))), 100);
}

TEST(LatencyHistogram, FindsThe99thOfAHundredNotTheHundredth) {
  LatencyHistogram histogram;
  histogram.add(10, 99);
  histogram.add(200);
  EXPECT_EQ(std::lround(ns(histogram.quantile(0.99))), 10);
  histogram.add(200);
  EXPECT_EQ(std::lround(ns(histogram.quantile(0.99))), 200) << "of 101 it is the 100th";
}

TEST(LatencyHistogram, MergesToTheSameAsCountingTogether) {
  const auto values = latencies(20'000);
  LatencyHistogram left = histogram_of(std::span(values).first(7'000));
  const LatencyHistogram right = histogram_of(std::span(values).subspan(7'000));
  left.merge(right);
  const LatencyHistogram all = histogram_of(values);
  EXPECT_EQ(left.sparse(), all.sparse());
  EXPECT_EQ(left.count(), 20'000u);
  EXPECT_EQ(left.min(), all.min());
  EXPECT_EQ(left.max(), all.max());
  EXPECT_EQ(left.mean(), all.mean());
  left.merge(LatencyHistogram());
  EXPECT_EQ(left.min(), all.min()) << "an empty one changes nothing";
}

TEST(LatencyHistogram, TakesOverWhatARecorderCounted) {
  std::vector<std::uint64_t> counts(MILLRACE_LATENCY_BUCKETS);
  counts[millrace_latency_bucket(100'000)] = 3;
  counts[millrace_latency_bucket(900'000)] = 1;
  LatencyHistogram exact, rough;
  exact.merge_counts(counts.data(), counts.size(), LatencyExtremes{100'123, 900'321});
  EXPECT_EQ(exact.count(), 4u);
  EXPECT_NEAR(ns(exact.min()), 100'123, 1e-6);
  EXPECT_NEAR(ns(exact.max()), 900'321, 1e-6);
  rough.merge_counts(counts.data(), counts.size());
  EXPECT_LE(ns(rough.min()), 100'000) << "the edges of the buckets hold everything in them";
  EXPECT_GE(ns(rough.max()), 900'000);
  EXPECT_NEAR(ns(rough.max()) / 900'000, 1, 0.009);
  rough.merge_counts(counts.data(), 0);
  EXPECT_EQ(rough.count(), 4u);
}

TEST(LatencyHistogram, RefusesCountsOfALargerLayout) {
  std::vector<std::uint64_t> counts(MILLRACE_LATENCY_BUCKETS + 10);
  LatencyHistogram histogram;
  histogram.merge_counts(counts.data(), counts.size());
  counts.back() = 1;
  EXPECT_THROW(histogram.merge_counts(counts.data(), counts.size()), std::invalid_argument);
}

TEST(LatencyHistogram, HasNoFiguresWhereNothingWasCounted) {
  LatencyHistogram histogram;
  histogram.add(5, 0);
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_FALSE(histogram.quantile(0.5));
  EXPECT_FALSE(histogram.mean());
  EXPECT_FALSE(histogram.min());
  EXPECT_FALSE(histogram.max());
  EXPECT_FALSE(histogram.resolved_to());
  EXPECT_EQ(histogram.resolved_to_text(), "");
}

TEST(LatencyHistogram, MeansWhatItsBucketsMean) {
  const auto values = latencies(50'000);
  double sum = 0;
  for (const auto value : values) sum += static_cast<double>(value);
  EXPECT_NEAR(ns(histogram_of(values).mean()) / (sum / 50'000), 1, 0.004);
}

TEST(LatencyHistogram, CountsWhatIsBeyondItsRangeAndKeepsTheMaximum) {
  LatencyHistogram histogram;
  histogram.add(UINT64_MAX, 3);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_NEAR(ns(histogram.quantile(0.5)), 1.8446744073709552e19, 1e5);
}

TEST(ResolvedTo, NeedsTenSamplesBeyondTheQuantile) {
  struct Case {
    std::uint64_t count;
    const char* text;
  };
  for (const Case& c : {Case{19, ""},
                        {20, "p50"},
                        {99, "p50"},
                        {100, "p90"},
                        {999, "p90"},
                        {1'000, "p99"},
                        {9'999, "p99"},
                        {10'000, "p99.9"},
                        {99'999, "p99.9"},
                        {100'000, "p99.99"}}) {
    LatencyHistogram histogram;
    histogram.add(100, c.count);
    EXPECT_EQ(histogram.resolved_to_text(), c.text) << c.count;
  }
}

TEST(ResolvedTo, KeepsAQuantileThatIsNotResolvedFromBeingShown) {
  LatencyHistogram histogram;
  histogram.add(100, 9'999);
  EXPECT_TRUE(histogram.resolved_quantile(0.99));
  EXPECT_FALSE(histogram.resolved_quantile(0.999));
  EXPECT_TRUE(histogram.quantile(0.999));
  histogram.add(100);
  EXPECT_TRUE(histogram.resolved_quantile(0.999));
  EXPECT_EQ(histogram.resolved_to(), 0.999);
}

TEST(SparseBuckets, ComeBackAsTheyWere) {
  const LatencyHistogram before = histogram_of(latencies(5'000));
  const auto after = LatencyHistogram::from_sparse(before.sparse());
  ASSERT_TRUE(after);
  EXPECT_EQ(after->sparse(), before.sparse());
  EXPECT_EQ(after->count(), before.count());
  for (const double q : {0.1, 0.5, 0.9, 0.99}) EXPECT_EQ(after->quantile(q), before.quantile(q));
  EXPECT_NEAR(ns(after->max()) / ns(before.max()), 1, 0.01)
      << "the exact maximum is stored beside the buckets";
  EXPECT_EQ(LatencyHistogram::from_sparse({})->count(), 0u);
}

TEST(SparseBuckets, ListOnlyWhatWasCounted) {
  LatencyHistogram histogram;
  histogram.add(300, 2);
  histogram.add(5);
  EXPECT_THAT(histogram.sparse(), ElementsAre(Pair(5, 1), Pair(278, 2)));
}

TEST(SparseBuckets, AreRefusedWhereDamagedAndTheEntryIsNamed) {
  using Sparse = LatencyHistogram::SparseBuckets;
  const auto why = [](const Sparse& buckets, std::optional<LatencyExtremes> extremes = {}) {
    const auto histogram = LatencyHistogram::from_sparse(buckets, extremes);
    return histogram ? std::string() : histogram.error().what;
  };
  EXPECT_THAT(why({{1, 1}, {MILLRACE_LATENCY_BUCKETS, 1}}), HasSubstr("bucket 1 of the list has index 4608"));
  EXPECT_THAT(why({{7, 1}, {7, 1}}), HasSubstr("does not come after"));
  EXPECT_THAT(why({{7, 1}, {3, 1}}), HasSubstr("does not come after"));
  EXPECT_THAT(why({{7, 0}}), HasSubstr("is empty"));
  EXPECT_THAT(why({{7, UINT64_MAX}, {8, 1}}), HasSubstr("overflow"));
  EXPECT_THAT(why({{7, 1}, {9, 1}}, LatencyExtremes{8, 9}), HasSubstr("outermost buckets"));
  EXPECT_EQ(why({{7, 1}, {9, 1}}, LatencyExtremes{7, 9}), "");
}

}  // namespace
}  // namespace millrace::stats
