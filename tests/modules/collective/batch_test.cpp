// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/batch.hpp"

#include <gtest/gtest.h>

namespace millrace::collective {
namespace {

// Rank 1 comes 70 late to the second collective, and all leave together.
const std::vector<Interval> kTwoRanks = {{0, 10, 0}, {10, 110, 10}, {1, 10, 1}, {80, 110, 80}};

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
    shifted[i].arrived_ns -= 1'000'000;
  }
  const BatchTimes batch = over_ranks(shifted, 2, 2, false);
  EXPECT_EQ(batch.iterations[1].slowest_ns, 100);
  EXPECT_EQ(batch.iterations[1].latest, 1);
  EXPECT_EQ(batch.iterations[1].arrival_skew_ns, 70);
  EXPECT_EQ(batch.slowest_ns, 110);
}

// A GPU that stands ready while its host is late to launch: it began with the other, and arrived after it.
TEST(OverRanks, ARankIsAsLateAsItArrivedThoughItBeganEarlier) {
  const std::vector<Interval> late_host = {{0, 100, 5}, {0, 100, 60}};
  const BatchTimes batch = over_ranks(late_host, 2, 1, true);
  EXPECT_EQ(batch.iterations[0].latest, 1);
  EXPECT_EQ(batch.iterations[0].arrival_skew_ns, 55);
  EXPECT_EQ(batch.iterations[0].slowest_ns, 100);
}

TEST(NextBatch, LastsSome50MillisecondsAndGrowsFourfoldAtMost) {
  BatchTimes batch;
  batch.iterations.resize(10);
  batch.slowest_ns = 10 * 1'000'000;  // a millisecond each
  EXPECT_EQ(next_batch(10, batch, 4096), 40u);
  EXPECT_EQ(next_batch(20, batch, 4096), 50u);
  EXPECT_EQ(next_batch(4000, batch, 32), 32u);
  batch.slowest_ns = 10 * 200'000'000LL;
  EXPECT_EQ(next_batch(10, batch, 4096), 1u);
}

TEST(OverRanks, OfNothingIsNothing) {
  EXPECT_TRUE(over_ranks({}, 2, 0, true).iterations.empty());
  EXPECT_TRUE(over_ranks({}, 0, 0, true).iterations.empty());
}

}  // namespace
}  // namespace millrace::collective
