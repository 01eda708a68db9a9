// SPDX-License-Identifier: Apache-2.0
#include "diagnose/floor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace millrace::diagnose {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Twenty sets that all fill a resource of capacity 1, five repeats each with 3 % noise, over and over.
TEST(Floor, TheLargestSeenIsBiasedAndTheCrossFittedOneIsNot) {
  constexpr int kTimes = 2000;
  std::mt19937_64 random(11);
  std::normal_distribution<double> noise(1, 0.03);
  double largest_single = 0;
  double largest_mean = 0;
  double cross_fitted = 0;
  for (int time = 0; time < kTimes; ++time) {
    std::vector<std::vector<double>> totals(20, std::vector<double>(5));
    double single = 0;
    double mean = 0;
    for (auto& set : totals) {
      for (double& repeat : set) single = std::max(single, repeat = noise(random));
      mean = std::max(mean, mean_of(set));
    }
    largest_single += single / kTimes;
    largest_mean += mean / kTimes;
    cross_fitted += mean_of(cross_fit(totals).draws) / kTimes;
  }
  EXPECT_GT(largest_single, 1.07) << "the largest of a hundred noisy singles";
  EXPECT_GT(largest_mean, 1.02) << "the largest of twenty means";
  EXPECT_NEAR(cross_fitted, 1, 0.001);
}

TEST(Floor, TheSetThatClearlyMovesMostIsTaken) {
  const CrossFitted fitted = cross_fit({{1, 1.1, 0.9}, {2, 2.1, 1.9}, {1.5, 1.4, 1.6}});
  EXPECT_EQ(fitted.chosen, 1u);
  EXPECT_EQ(fitted.draws, (std::vector<double>{2, 2.1, 1.9}));
  EXPECT_EQ(fitted.set_of_draw, (std::vector<std::size_t>{1, 1, 1}));
}

TEST(Floor, EachDrawSaysOfWhichSetItIs) {
  // The second set without its low repeat moved more than the first one.
  const CrossFitted fitted = cross_fit({{3, 3, 3}, {3.3, 3.3, 1}});
  EXPECT_EQ(fitted.set_of_draw, (std::vector<std::size_t>{0, 0, 1}));
  EXPECT_EQ(fitted.draws, (std::vector<double>{3, 3, 1}));
}

TEST(Floor, ASetOfOneRepeatHasNothingToBeChosenBy) {
  EXPECT_EQ(cross_fit({{9}, {2, 2}}).draws, (std::vector<double>{2, 2}));
  EXPECT_TRUE(cross_fit({{9}, {}}).draws.empty());
}

TEST(Floor, SetsMayDifferInTheirRepeats) {
  EXPECT_EQ(cross_fit({{1, 1, 1, 1, 1}, {3, 4, 5}}).draws, (std::vector<double>{3, 4, 5, 3, 4}));
}

}  // namespace
}  // namespace millrace::diagnose
