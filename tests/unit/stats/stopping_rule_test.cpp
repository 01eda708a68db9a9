// SPDX-License-Identifier: Apache-2.0
#include "stats/stopping_rule.hpp"

#include <gtest/gtest.h>

#include "series.hpp"

namespace millrace::stats {
namespace {

constexpr Duration kNever{INT64_MAX};

StoppingOptions until(Duration limit) {
  StoppingOptions options;
  options.max_time = limit;
  return options;
}

// The whole procedure, as a repeat runs it: slices come one by one, the rule cuts, looks and stops.
StoppingResult run_to_the_end(Noise noise) {
  StoppingRule rule(until(kNever));
  do {
    rule.add(noise());
  } while (!rule.is_finished({}));
  return rule.result();
}

double coverage(double phi, double deviation) {
  return per_cent_of_runs([&](std::uint64_t seed) {
    const StoppingResult result = run_to_the_end(Noise(seed, phi, deviation));
    return result.reason == "converged" && result.estimate->ci_low <= kTrueMean &&
           kTrueMean <= result.estimate->ci_high;
  });
}

// The noise is chosen so that some runs stop at the first look and some go on: where choosing when to stop
// does most harm. (An interval of 5 % at 1,000 independent slices means a deviation of 0.76.)
TEST(StoppingRule, CoversTheTrueMeanOfIndependentSlicesInAtLeast92PerCentOfRuns) {
  for (const double deviation : {0.3, 0.8}) EXPECT_GE(coverage(0, deviation), 92) << deviation;
}

TEST(StoppingRule, CoversTheTrueMeanOfACorrelatedSeriesInAtLeast90PerCentOfRuns) {
  for (const double deviation : {0.1, 0.2}) EXPECT_GE(coverage(0.9, deviation), 90) << deviation;
}

TEST(StoppingRule, StopsOnlyOnceTheIntervalIsAsNarrowAsAsked) {
  for (const double target : {0.05, 0.02}) {
    StoppingOptions options = until(kNever);
    options.target = target;
    StoppingRule rule(options);
    Noise noise(7, 0, 0.6);
    do {
      rule.add(noise());
    } while (!rule.is_finished({}));
    const auto& estimate = *rule.result().estimate;
    EXPECT_LE(estimate.half_width(), target * estimate.mean);
    EXPECT_GE(estimate.batches, 20u);
  }
}

TEST(StoppingRule, LooksFirstAtAThousandSlicesAndThenAtGrowingSteps) {
  StoppingRule rule(until(kNever));
  Noise noise(1, 0, 3.0);  // far too noisy to converge soon
  std::vector<std::size_t> looked_at;
  for (std::size_t slices = 1; slices <= 6000; ++slices) {
    rule.add(noise());
    const std::size_t before = rule.looks();
    ASSERT_FALSE(rule.is_finished({}));
    if (rule.looks() != before) looked_at.push_back(slices);
  }
  EXPECT_EQ(looked_at, (std::vector<std::size_t>{1000, 1500, 2250, 3375, 5063}));
}

TEST(StoppingRule, EndsAtTheTimeLimitAndSaysSo) {
  StoppingRule rule(until(Duration{1'000}));
  rule.add(1);
  EXPECT_FALSE(rule.is_finished(Duration{999}));
  EXPECT_EQ(rule.result().reason, "");
  for (int i = 0; i < 99; ++i) rule.add(i % 2 == 0 ? 1 : 3);
  EXPECT_TRUE(rule.is_finished(Duration{1'000}));
  EXPECT_EQ(rule.result().reason, "time limit");
  EXPECT_DOUBLE_EQ(rule.result().estimate->mean, 1.98) << "what came before the limit still counts";
}

TEST(StoppingRule, HasNoEstimateWhereTimeEndedBeforeThereWasOne) {
  StoppingRule rule(until(Duration{1}));
  rule.add(5);
  EXPECT_TRUE(rule.is_finished(Duration{2}));
  EXPECT_FALSE(rule.result().estimate);
}

TEST(StoppingRule, DoesNotConvergeOnASeriesThatStillClimbs) {
  StoppingRule rule(until(Duration{10}));
  for (int i = 0; i < 20'000; ++i) {
    rule.add(1'000 + i * 0.1);  // at the first look its mean is known to 3 %, but not where it will end
    ASSERT_FALSE(rule.is_finished(Duration{1}));
  }
  EXPECT_TRUE(rule.is_finished(Duration{10}));
  EXPECT_EQ(rule.result().reason, "time limit");
  EXPECT_FALSE(rule.result().estimate->settled);
}

TEST(StoppingRule, ConvergesWhereTheClimbIsTooSmallToMatter) {
  StoppingRule rule(until(kNever));
  for (int i = 0; i < 1'000; ++i) rule.add(1'000 + i * 0.02);
  EXPECT_TRUE(rule.is_finished({}));
  EXPECT_FALSE(rule.result().estimate->settled);
}

TEST(StoppingRule, NeverConvergesOnAStandstill) {
  StoppingRule rule(until(kNever));
  for (int i = 0; i < 5'000; ++i) rule.add(i % 2 == 0 ? 1e-3 : -1e-3);
  EXPECT_FALSE(rule.is_finished({})) << "no interval is narrow beside a mean of zero";
}

TEST(StoppingRule, StaysFinished) {
  StoppingRule rule(until(kNever));
  const std::vector<double> steady(1000, 10.0);
  rule.catch_up(steady);
  EXPECT_TRUE(rule.is_finished({}));
  for (int i = 0; i < 1000; ++i) rule.add(i % 2 == 0 ? 0 : 1'000);
  EXPECT_TRUE(rule.is_finished({}));
  EXPECT_EQ(rule.result().reason, "converged");
  EXPECT_EQ(rule.result().estimate->mean, 10);
}

TEST(StoppingRule, CatchesUpWithAGrowingSeriesWithoutCountingTwice) {
  const auto series = Noise(5, 0, 0.3).series(1200);
  StoppingRule rule(until(kNever));
  for (std::size_t size = 0; size <= series.size(); size += 100) rule.catch_up(std::span(series).first(size));
  EXPECT_TRUE(rule.is_finished({}));
  const auto expected = settled_mean(series);
  EXPECT_EQ(rule.result().estimate->mean, expected->mean);
  EXPECT_EQ(rule.result().estimate->cut, expected->cut);
}

}  // namespace
}  // namespace millrace::stats
