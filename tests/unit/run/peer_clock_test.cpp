// SPDX-License-Identifier: Apache-2.0
// Clocks of two hosts, and how far ranks may run: decisions without a network.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "run/peer/clock_offset.hpp"
#include "run/peer/grant.hpp"

namespace millrace::run::peer {
namespace {

TEST(ClockBurst, TakesTheBestRoundTripAndIsRightToHalfOfIt) {
  constexpr std::int64_t kAhead = 123'456'789'012;
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    ClockBurst burst;
    std::int64_t now = 1'000'000'000;
    for (int ping = 0; ping < 20; ++ping) {
      // Ways of any length, and not alike.
      const std::int64_t there = 10'000 + static_cast<std::int64_t>(random() % 1'000'000);
      const std::int64_t back = 10'000 + static_cast<std::int64_t>(random() % 1'000'000);
      burst.add(now, now + there + kAhead, now + there + back);
      now += there + back;
    }
    ASSERT_TRUE(burst.best());
    EXPECT_EQ(burst.count(), 20);
    EXPECT_LE(std::abs(burst.best()->offset_ns - kAhead), burst.best()->error_ns);
    EXPECT_LT(burst.best()->error_ns, 500'000);
  }
}

TEST(ClockBurst, KnowsNothingWithoutAnAnswer) { EXPECT_FALSE(ClockBurst().best()); }

TEST(ClockTranslation, GoesThereAndBack) {
  const ClockTranslation clock(ClockOffset{1'000, -5'000'000'000, 10});
  EXPECT_EQ(clock.to_there(7'000'000'000), 2'000'000'000);
  EXPECT_EQ(clock.to_here(2'000'000'000), 7'000'000'000);
  EXPECT_EQ(clock.error_ns(), 10);
}

TEST(ClockTranslation, FollowsAClockThatDrifts) {
  // 50 us a second, over 10 s.
  const ClockTranslation clock(ClockOffset{0, 1'000'000, 10}, ClockOffset{10'000'000'000, 1'500'000, 30});
  EXPECT_EQ(clock.to_there(5'000'000'000), 5'001'250'000);
  EXPECT_NEAR(static_cast<double>(clock.to_here(5'001'250'000)), 5e9, 100);
  EXPECT_EQ(clock.to_there(-1), 999'999) << "before the first estimate it stands still";
  EXPECT_EQ(clock.to_there(20'000'000'000), 20'001'500'000) << "and after the last one";
  EXPECT_EQ(clock.error_ns(), 30);
}

TEST(ClockTranslation, SurvivesTimesThatCannotBe) {
  const ClockTranslation clock(ClockOffset{0, INT64_MIN, 10}, ClockOffset{1, INT64_MAX, 30});
  EXPECT_EQ(clock.to_here(INT64_MAX), clock.to_here(INT64_MAX));
  EXPECT_EQ(clock.to_here(INT64_MIN), clock.to_here(INT64_MIN));
  EXPECT_EQ(clock.to_there(INT64_MAX), clock.to_there(INT64_MAX));
}

TEST(Grant, GoesBeyondTheSlowestByItsPace) {
  const std::vector<Pace> hosts{{1'000, 10'000, 5'000}, {900, 20'000, 5'000}};
  // 50 ms at 20 us an iteration.
  EXPECT_EQ(next_grant(hosts, 50'000'000), 900U + 2'500U);
}

TEST(Grant, IsOneIterationWhileAPaceIsNotKnown) {
  EXPECT_EQ(next_grant(std::vector<Pace>{{0, 0, 0}, {0, 10, 0}}, 50'000'000), 1U);
}

TEST(Grant, GrowsByNoMoreThanFourTimesWhatWasRunBefore) {
  EXPECT_EQ(next_grant(std::vector<Pace>{{1, 10, 1}, {1, 10, 1}}, 50'000'000), 5U);
  EXPECT_EQ(next_grant(std::vector<Pace>{{5, 10, 4}, {5, 10, 4}}, 50'000'000), 21U);
}

TEST(Grant, IsAtLeastOneMoreHoweverSlowAnIterationIs) {
  EXPECT_EQ(next_grant(std::vector<Pace>{{7, 3'000'000'000, 1}}, 50'000'000), 8U);
}

}  // namespace
}  // namespace millrace::run::peer
