// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/batch.hpp"

#include <gtest/gtest.h>

namespace millrace::collective {
namespace {

// Rank 1 comes 70 late to the second collective, and all leave together.
const std::vector<Interval> kTwoRanks = {{0, 10}, {10, 110}, {1, 10}, {80, 110}};

TEST(OverRanks, TheTimeIsThatOfTheSlowestRank) {
  const BatchTimes batch = over_ranks(kTwoRanks, 2, 2, true);
  ASSERT_EQ(batch.iterations.size(), 2u);
  EXPECT_EQ(batch.iterations[0].slowest_ns, 10);
  EXPECT_EQ(batch.iterations[1].slowest_ns, 100);
  EXPECT_EQ(batch.slowest_ns, 110);
}

TEST(OverRanks, TheRankThatCameLateIsNamedThoughItsTimeIsTheShortest) {
  const BatchTimes batch = over_ranks(kTwoRanks, 2, 2, true);
  EXPECT_EQ(batch.iterations[1].latest, 1);
  EXPECT_EQ(batch.iterations[1].arrival_skew_ns, 70);
}

TEST(OverRanks, ClocksOfSeveralHostsAreNotCompared) {
  std::vector<Interval> shifted = kTwoRanks;
  for (std::size_t i = 2; i < 4; ++i) {
    shifted[i].begin_ns -= 1'000'000;
    shifted[i].end_ns -= 1'000'000;
  }
  const BatchTimes batch = over_ranks(shifted, 2, 2, false);
  EXPECT_EQ(batch.iterations[1].slowest_ns, 100);
  EXPECT_EQ(batch.iterations[1].latest, 1);
  EXPECT_EQ(batch.iterations[1].arrival_skew_ns, 70);
  EXPECT_EQ(batch.slowest_ns, 110);
}

TEST(OverRanks, OfNothingIsNothing) {
  EXPECT_TRUE(over_ranks({}, 2, 0, true).iterations.empty());
  EXPECT_TRUE(over_ranks({}, 0, 0, true).iterations.empty());
}

}  // namespace
}  // namespace millrace::collective
