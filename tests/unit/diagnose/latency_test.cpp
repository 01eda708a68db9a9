// SPDX-License-Identifier: Apache-2.0
// Distributions of times against closed forms and drawn samples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "diagnose/latency/queue.hpp"
#include "diagnose/latency/sum.hpp"

namespace millrace::diagnose {
namespace {

constexpr Grid kGrid{0.005, 8192};  // 41 s

Distribution exponential(double mean) {
  Distribution out(kGrid);
  // Of each cell its mass at its own mean, so that the mean is exact.
  for (int k = 0; k < 8000; ++k) {
    const double a = k * kGrid.step_s, b = a + kGrid.step_s;
    const double mass = std::exp(-a / mean) - std::exp(-b / mean);
    const double first = (a + mean) * std::exp(-a / mean) - (b + mean) * std::exp(-b / mean);
    if (mass > 0) out.add(first / mass, mass);
  }
  return out;
}

TEST(ADistribution, OfOneTimeHasItAtEveryQuantileAndAsItsMean) {
  const Distribution d = Distribution::constant(1.2345, kGrid);
  EXPECT_DOUBLE_EQ(d.mean_s(), 1.2345);
  EXPECT_NEAR(*d.quantile(0.01), 1.2345, kGrid.step_s);
  EXPECT_NEAR(*d.quantile(0.9999), 1.2345, kGrid.step_s);
  EXPECT_TRUE(d.is_constant());
}

TEST(ADistribution, ThroughAMedianAndAP99HasBoth) {
  const Distribution d = Distribution::log_normal(2, 9, kGrid);
  EXPECT_NEAR(*d.quantile(0.5), 2, 0.01);
  EXPECT_NEAR(*d.quantile(0.99), 9, 0.02);
  EXPECT_NEAR(d.mean_s(), 2 * std::exp(std::pow(std::log(4.5) / 2.3263, 2) / 2), 0.02);
}

TEST(ADistribution, OfASumIsTheConvolution) {
  // Two exponentials of mean 1: Erlang-2, P(X > t) = (1 + t) e^-t.
  const Distribution sum = exponential(1).plus(exponential(1));
  const double p99 = *sum.quantile(0.99);
  EXPECT_NEAR((1 + p99) * std::exp(-p99), 0.01, 2e-4);
  EXPECT_NEAR(sum.mean_s(), 2, 1e-3);
}

TEST(ADistribution, OfTheLongestOfSeveralIsThePower) {
  // 8 exponentials: P(max ≤ t) = (1 − e^-t)^8.
  const double p99 = *exponential(1).longest_of(8).quantile(0.99);
  EXPECT_NEAR(std::pow(1 - std::exp(-p99), 8), 0.99, 1e-3);
  EXPECT_NEAR(exponential(1).longest_of(1).mean_s(), exponential(1).mean_s(), 1e-9);
}

TEST(ADistribution, BeyondTheGridNoQuantileIsInvented) {
  Distribution d(kGrid);
  d.add(1, 0.985);
  d.add(1e6, 0.015);
  EXPECT_TRUE(d.quantile(0.98));
  EXPECT_FALSE(d.quantile(0.99));
  EXPECT_NEAR(d.plus(Distribution::constant(1, kGrid)).beyond(), 0.015, 1e-9);
}

TEST(ADistribution, OfCountedTimesHasTheHistogramsQuantilesAndScales) {
  stats::LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(static_cast<std::uint64_t>(i) * 10'000'000);  // to 10 s
  EXPECT_NEAR(*Distribution::counted(histogram, 1, kGrid).quantile(0.5), 5, 0.03);
  EXPECT_NEAR(*Distribution::counted(histogram, 2, kGrid).quantile(0.99), 19.8, 0.1);
}

TEST(AQueue, WithExponentialServiceIsMM1) {
  // λ = 0.7, μ = 1: P(W > t) = 0.7 e^{-0.3 t}, mean 0.7 ÷ 0.3.
  const auto waiting = waiting_time(exponential(1), 0.7);
  ASSERT_TRUE(waiting);
  EXPECT_NEAR(*waiting->quantile(0.5), std::log(0.7 / 0.5) / 0.3, 0.02);
  EXPECT_NEAR(*waiting->quantile(0.99), std::log(0.7 / 0.01) / 0.3, 0.05);
  EXPECT_NEAR(waiting->mean_s(), 7.0 / 3, 0.01);
}

TEST(AQueue, WithConstantServiceIsMD1) {
  // Mean ρS ÷ (2(1 − ρ)); P(W = 0) = 1 − ρ; P(W ≤ t) = (1 − ρ) e^{λt} for t < S (Erlang 1909).
  const auto waiting = waiting_time(Distribution::constant(1, kGrid), 0.5);
  ASSERT_TRUE(waiting);
  EXPECT_NEAR(waiting->mean_s(), 0.5, 0.002);
  EXPECT_NEAR(*waiting->quantile(0.5 * std::exp(0.25)), 0.5, 0.01);
  EXPECT_EQ(*waiting->quantile(0.499), 0);
}

TEST(AQueue, HasThePollaczekKhinchineMeanForAnyService) {
  const Distribution service = Distribution::log_normal(0.5, 1.5, kGrid);
  double second = 0;
  for (std::size_t k = 0; k < kGrid.points; ++k)
    second += service.mass()[k] * std::pow(static_cast<double>(k) * kGrid.step_s, 2);
  const double load = 1.2 * service.mean_s();
  EXPECT_NEAR(waiting_time(service, 1.2)->mean_s(), 1.2 * second / (2 * (1 - load)), 0.01);
}

TEST(AQueue, ThatGetsMoreThanItServesHasNoWaitingTime) {
  EXPECT_FALSE(waiting_time(Distribution::constant(1, kGrid), 1.0));
  EXPECT_FALSE(waiting_time(Distribution::constant(1, kGrid), 3.0));
}

TEST(ASum, IfIndependentIsWhatDrawnTimesGive) {
  const std::vector<TimedPart> parts{{"a", Distribution::log_normal(0.5, 2, kGrid)},
                                     {"b", Distribution::log_normal(1, 3, kGrid)},
                                     {"c", Distribution::constant(0.3, kGrid)}};
  const TimedSum sum = sum_of_parts(parts);
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> a(std::log(0.5), std::log(4.0) / 2.3263), b(0, std::log(3.0) / 2.3263);
  std::vector<double> drawn(400000);
  for (double& one : drawn) one = a(random) + b(random) + 0.3;
  std::sort(drawn.begin(), drawn.end());
  EXPECT_NEAR(*sum.p50_s / drawn[200000], 1, 0.01);
  EXPECT_NEAR(*sum.p99_s / drawn[396000], 1, 0.015);
  EXPECT_GE(*sum.bound_p99_s, *sum.p99_s);
}

TEST(ABound, HoldsWhereTheSumOfP99sDoesNot) {
  // Each is 10 s in 0.8 % of the cases, never both at once: both p99s are 0, yet 1.6 % of the sums are 10 s.
  Distribution rare(kGrid);
  rare.add(0, 0.992);
  rare.add(10, 0.008);
  const std::vector<TimedPart> parts{{"a", rare}, {"b", rare}};
  EXPECT_EQ(*rare.quantile(0.99), 0);
  EXPECT_GE(*bound_of(parts, 0.99), 10);
}

TEST(ABound, OfWhollyDependentPartsIsNotBelowTheSumOfTheirP99s) {
  const std::vector<TimedPart> parts{{"a", exponential(1)}, {"b", exponential(1)}};
  EXPECT_GE(*bound_of(parts, 0.99), 2 * *parts[0].time.quantile(0.99));
  EXPECT_NEAR(*bound_of(parts, 0.99), 2 * std::log(1 / 0.005),
              3 * kGrid.step_s);  // each gets half of the 1 %
}

TEST(ASum, OfTooFewOperationsResolvesNoP99) {
  std::vector<TimedPart> parts{{"a", exponential(1), 999}, {"b", exponential(1)}};
  EXPECT_TRUE(sum_of_parts(parts).p50_s);
  EXPECT_FALSE(sum_of_parts(parts).p99_s);
  EXPECT_FALSE(sum_of_parts(parts).bound_p99_s);
  parts[0].count = 1000;
  EXPECT_TRUE(sum_of_parts(parts).p99_s);
  EXPECT_FALSE(
      sum_of_parts(parts).bound_p99_s);  // all of the 1 % goes to one part, none is left for the other
  parts[0].count = 2000;
  EXPECT_TRUE(sum_of_parts(parts).bound_p99_s);
  parts[0].longest_of = 8;  // of one rank the 99.87th percentile
  EXPECT_FALSE(sum_of_parts(parts).p99_s);
}

}  // namespace
}  // namespace millrace::diagnose
