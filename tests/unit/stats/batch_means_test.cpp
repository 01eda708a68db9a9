// SPDX-License-Identifier: Apache-2.0
#include "stats/batch_means.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "series.hpp"

namespace millrace::stats {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

double coverage(double phi, std::size_t length) {
  return per_cent_of_runs([&](std::uint64_t seed) {
    const auto estimate = mean_by_batches(Noise(seed, phi, 0.3).series(length));
    return estimate->ci_low <= kTrueMean && kTrueMean <= estimate->ci_high;
  });
}

TEST(BatchMeans, CoverTheTrueMeanOfIndependentSamplesIn95PerCentOfRuns) {
  for (const std::size_t length : {200u, 1000u, 2500u})
    EXPECT_THAT(coverage(0, length), AllOf(Ge(93), Le(97))) << length << " slices";
}

TEST(BatchMeans, CoverTheTrueMeanOfACorrelatedSeriesInAtLeast90PerCentOfRuns) {
  for (const std::size_t length : {1000u, 2500u})
    EXPECT_THAT(coverage(0.9, length), AllOf(Ge(90), Le(97))) << length << " slices";
}

// With a correlation time of 39 slices, batches of 50 resemble each other: only 88 % without the adjustment.
TEST(BatchMeans, AllowForTheCorrelationThatTheBatchesStillHave) { EXPECT_GE(coverage(0.95, 1000), 91); }

// What the batches are for: the plain interval of the same series covers less than half of the time.
TEST(BatchMeans, MakeTheIntervalOfACorrelatedSeriesWiderThanThatOfAnIndependentOne) {
  const auto independent = mean_by_batches(Noise(1, 0, 0.3).series(10'000));
  const auto correlated = mean_by_batches(Noise(1, 0.9, 0.3).series(10'000));
  // The correlation time of AR(1), (1 + phi) / (1 - phi) = 19, widens the interval by its root.
  EXPECT_NEAR(correlated->half_width() / independent->half_width(), std::sqrt(19.0), 1.5);
}

TEST(BatchMeans, UseEveryValueOnce) {
  std::vector<double> series(23);
  std::iota(series.begin(), series.end(), 0.0);
  EXPECT_THAT(batch_means(std::vector<double>{1, 3, 5, 7}, 2), ElementsAre(2, 6));
  EXPECT_THAT(batch_means(std::vector<double>{1, 2, 3, 4, 5}, 2), ElementsAre(1.5, 4));
  EXPECT_EQ(batch_means(series, 20).size(), 20u);
  EXPECT_DOUBLE_EQ(mean_by_batches(series)->mean, 11) << "the mean of all, not of the batches' means";
}

TEST(BatchMeans, KnowTheIntervalOfTwentyValuesByHand) {
  std::vector<double> series(
      20);  // alternating 9 and 11: mean 10, squares 20, so the error is sqrt(20 / (19 * 20))
  for (std::size_t i = 0; i < series.size(); ++i) series[i] = i % 2 == 0 ? 9 : 11;
  const auto estimate = mean_by_batches(series);
  EXPECT_EQ(estimate->batches, 20u);
  EXPECT_DOUBLE_EQ(estimate->mean, 10);
  EXPECT_NEAR(estimate->half_width(), 2.093024054 * std::sqrt(1.0 / 19), 1e-8);
}

TEST(BatchMeans, NumberTwentyAtLeastAndGrowSlowly) {
  EXPECT_EQ(batch_count(20), 20u);
  EXPECT_EQ(batch_count(1000), 20u);
  EXPECT_EQ(batch_count(8000), 40u);
  EXPECT_EQ(batch_count(1'000'000), 200u);
}

TEST(BatchMeans, SayNothingOfTooFewValues) {
  EXPECT_FALSE(mean_by_batches(std::vector<double>(19, 1.0)));
  EXPECT_FALSE(mean_by_batches({}));
  EXPECT_TRUE(batch_means(std::vector<double>{1, 2}, 3).empty());
  EXPECT_TRUE(batch_means(std::vector<double>{1, 2}, 0).empty());
}

TEST(BatchMeans, GiveAConstantSeriesAnIntervalOfNoWidth) {
  const auto estimate = mean_by_batches(std::vector<double>(1000, 5.0));
  EXPECT_EQ(estimate->ci_low, 5);
  EXPECT_EQ(estimate->ci_high, 5);
}

}  // namespace
}  // namespace millrace::stats
