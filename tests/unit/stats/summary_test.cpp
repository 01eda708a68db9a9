// SPDX-License-Identifier: Apache-2.0
#include "stats/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "series.hpp"

namespace millrace::stats {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

TEST(Summary, KnowsASmallSampleByHand) {
  const auto summary = summarize(std::vector<double>{4, 1, 3, 2, 5});
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 5u);
  EXPECT_DOUBLE_EQ(summary->mean, 3);
  EXPECT_DOUBLE_EQ(summary->stddev, std::sqrt(2.5));
  EXPECT_EQ(summary->min, 1);
  EXPECT_EQ(summary->max, 5);
  EXPECT_DOUBLE_EQ(summary->p5, 1.2);
  EXPECT_DOUBLE_EQ(summary->p25, 2);
  EXPECT_DOUBLE_EQ(summary->p50, 3);
  EXPECT_DOUBLE_EQ(summary->p75, 4);
  EXPECT_DOUBLE_EQ(summary->p95, 4.8);
  EXPECT_DOUBLE_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
}

TEST(Summary, KeepsASmallSpreadBesideALargeMean) {
  const auto summary = summarize(std::vector<double>{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16});
  EXPECT_DOUBLE_EQ(summary->stddev, std::sqrt(30.0))
      << "the sum of squares less the square of the sum gives 0 here";
}

TEST(Summary, OfOneSampleHasNoSpread) {
  const auto summary = summarize(std::vector<double>{7});
  EXPECT_EQ(summary->stddev, 0);
  EXPECT_EQ(summary->p5, 7);
  EXPECT_EQ(summary->p95, 7);
}

TEST(Summary, IsNothingWithoutSamplesOrWithOneThatIsNoNumber) {
  EXPECT_FALSE(summarize({}));
  EXPECT_FALSE(summarize(std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_FALSE(summarize(std::vector<double>{1, std::numeric_limits<double>::infinity()}));
  EXPECT_THROW(quantile({}, 0.5), std::invalid_argument);
}

TEST(MeanInterval, KnowsFiveRepeatsByHand) {
  const auto interval = mean_interval(std::vector<double>{4, 1, 3, 2, 5});
  EXPECT_DOUBLE_EQ(interval->estimate, 3);
  EXPECT_NEAR(interval->high - 3, 2.776445105 * std::sqrt(0.5), 1e-8);
  EXPECT_NEAR(3 - interval->low, 2.776445105 * std::sqrt(0.5), 1e-8);
  EXPECT_FALSE(mean_interval(std::vector<double>{4}));
}

TEST(MeanInterval, CoversTheTrueMeanOfThreeRepeatsIn95PerCentOfRuns) {
  EXPECT_THAT(per_cent_of_runs([](std::uint64_t seed) {
                const auto interval = mean_interval(Noise(seed, 0, 0.1).series(3));
                return interval->low <= kTrueMean && kTrueMean <= interval->high;
              }),
              AllOf(Ge(93), Le(97)));
}

TEST(Bootstrap, CoversTheTrueMedianInAbout95PerCentOfRuns) {
  int covered = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const auto interval = bootstrap_interval(Noise(seed, 0, 0.1).series(20), median, {seed, 500, 0.95});
    covered += interval->low <= kTrueMean && kTrueMean <= interval->high ? 1 : 0;
  }
  EXPECT_THAT(covered / 4.0, AllOf(Ge(91), Le(99)));
}

TEST(Bootstrap, OfTheMeanComesNearTheNormalInterval) {
  const auto samples = Noise(9, 0, 0.1).series(400);
  const auto summary = summarize(samples);
  const auto interval = bootstrap_interval(samples, [](auto values) { return summarize(values)->mean; });
  const double half = 1.96 * summary->stddev / std::sqrt(400.0);
  EXPECT_NEAR(interval->estimate, summary->mean, 1e-9);
  EXPECT_NEAR(interval->low, summary->mean - half, 0.1 * half);
  EXPECT_NEAR(interval->high, summary->mean + half, 0.1 * half);
}

TEST(Bootstrap, GivesTheSameFiguresForTheSameSeed) {
  const auto samples = Noise(9, 0, 0.1).series(15);
  const auto mean = [](auto values) { return summarize(values)->mean; };
  const auto first = bootstrap_interval(samples, mean, {7, 200, 0.95});
  const auto again = bootstrap_interval(samples, mean, {7, 200, 0.95});
  const auto other = bootstrap_interval(samples, mean, {8, 200, 0.95});
  EXPECT_EQ(first->low, again->low);
  EXPECT_EQ(first->high, again->high);
  EXPECT_NE(first->low, other->low);
}

TEST(PairedRatio, CancelsWhatBothOfAPairShare) {
  // The machine's pace wanders threefold, yet A is 5 % faster in every pair.
  std::vector<double> a, b;
  for (int i = 0; i < 15; ++i) {
    b.push_back(100.0 * (1 + i % 3));
    a.push_back(b.back() * (1.05 + 0.001 * (i % 5 - 2)));
  }
  const auto ratio = paired_ratio(a, b);
  EXPECT_NEAR(ratio->estimate, 1.05, 1e-12);
  EXPECT_GE(ratio->low, 1.048);
  EXPECT_LE(ratio->high, 1.052);
}

TEST(PairedRatio, RefusesWhatIsNotPaired) {
  const std::vector<double> two{1, 2}, three{1, 2, 3}, zero{1, 0};
  EXPECT_FALSE(paired_ratio(two, three));
  EXPECT_FALSE(paired_ratio(two, zero));
  EXPECT_FALSE(paired_ratio({}, {}));
}

}  // namespace
}  // namespace millrace::stats
