// SPDX-License-Identifier: Apache-2.0
#include "allocate/max_min.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace millrace::allocate {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

constexpr double kNoBound = std::numeric_limits<double>::infinity();

TEST(MaxMin, AJobAloneGoesAtTheRateOfItsTightestResource) {
  const Allocation all = max_min({{10, 6, 100}, {{kNoBound, 1, {{0, 2}, {1, 3}, {2, 1}}}}});
  EXPECT_DOUBLE_EQ(all.steps_per_s[0], 2);
  EXPECT_EQ(all.bound_by[0], 1U);
  EXPECT_THAT(all.utilization, ElementsAre(DoubleEq(0.4), DoubleEq(1), DoubleEq(0.02)));
}

TEST(MaxMin, AJobAloneGoesNoFasterThanItsOwnPace) {
  const Allocation all = max_min({{10}, {{3, 1, {{0, 2}}}}});
  EXPECT_DOUBLE_EQ(all.steps_per_s[0], 3);
  EXPECT_EQ(all.bound_by[0], kOwnPace);
  EXPECT_DOUBLE_EQ(all.utilization[0], 0.6);
}

TEST(MaxMin, TwoUsesOfOneResourceAddUp) {
  EXPECT_DOUBLE_EQ(max_min({{10}, {{kNoBound, 1, {{0, 2}, {0, 3}}}}}).steps_per_s[0], 2);
  EXPECT_DOUBLE_EQ(max_min({{10}, {{kNoBound, 1, {{0, 2}, {0, 3}}}, {0.5, 1, {{0, 4}}}}}).steps_per_s[0],
                   1.6);
}

// Bertsekas & Gallager, example of section 6.5.2's kind: a long session and short ones on its links.
TEST(MaxMin, WhatOneJobCannotUseGoesToTheOthers) {
  const Allocation all =
      max_min({{1, 2}, {{kNoBound, 1, {{0, 1}, {1, 1}}}, {kNoBound, 1, {{0, 1}}}, {kNoBound, 1, {{1, 1}}}}});
  EXPECT_THAT(all.steps_per_s, ElementsAre(DoubleEq(0.5), DoubleEq(0.5), DoubleEq(1.5)));
  EXPECT_THAT(all.bound_by, ElementsAre(0U, 0U, 1U));
  EXPECT_THAT(all.utilization, ElementsAre(DoubleEq(1), DoubleEq(1)));
}

TEST(MaxMin, RatesAreFairInStepsNotInBytes) {
  const Allocation all = max_min({{12}, {{kNoBound, 1, {{0, 1}}}, {kNoBound, 1, {{0, 5}}}}});
  EXPECT_THAT(all.steps_per_s, ElementsAre(DoubleEq(2), DoubleEq(2)));
}

TEST(MaxMin, AJobOfTwiceTheWeightTakesTwiceTheSteps) {
  const Allocation all = max_min({{12}, {{kNoBound, 1, {{0, 1}}}, {kNoBound, 2, {{0, 1}}}}});
  EXPECT_THAT(all.steps_per_s, ElementsAre(DoubleEq(4), DoubleEq(8)));
}

TEST(MaxMin, ThePaceOfOneJobLeavesTheRestToTheOthers) {
  const Allocation all =
      max_min({{10}, {{1, 1, {{0, 1}}}, {kNoBound, 1, {{0, 1}}}, {kNoBound, 2, {{0, 1}}}}});
  EXPECT_THAT(all.steps_per_s, ElementsAre(DoubleEq(1), DoubleEq(3), DoubleEq(6)));
  EXPECT_THAT(all.bound_by, ElementsAre(kOwnPace, 0U, 0U));
}

TEST(MaxMin, NothingFlowsThroughAResourceOfNoCapacity) {
  const Allocation all = max_min({{0, 5}, {{kNoBound, 1, {{0, 1}, {1, 1}}}, {kNoBound, 1, {{1, 1}}}}});
  EXPECT_THAT(all.steps_per_s, ElementsAre(DoubleEq(0), DoubleEq(5)));
  EXPECT_THAT(all.bound_by, ElementsAre(0U, 1U));
  EXPECT_DOUBLE_EQ(all.utilization[0], 0);
}

TEST(MaxMin, WhatNothingBoundsIsSaidToBeWithoutBound) {
  const Allocation all = max_min({{kNoBound, 4}, {{kNoBound, 1, {{0, 1}}}, {kNoBound, 1, {{1, 1}}}}});
  EXPECT_EQ(all.steps_per_s[0], kNoBound);
  EXPECT_DOUBLE_EQ(all.steps_per_s[1], 4);
  EXPECT_DOUBLE_EQ(all.utilization[0], 0);
  EXPECT_TRUE(max_min({{}, {}}).steps_per_s.empty());
}

TEST(MaxMin, ASmallJobKeepsItsPartBesideOneABillionTimesAsLarge) {
  Problem problem{{1e9}, {{1e-3, 1, {{0, 1e9}}}}};
  for (int i = 0; i < 3; ++i) problem.jobs.push_back({kNoBound, 1, {{0, 1e-7 / 3}}});
  const Allocation all = max_min(problem);
  EXPECT_DOUBLE_EQ(all.steps_per_s[0], 1e-3);
  for (int i = 1; i <= 3; ++i) EXPECT_NEAR(all.steps_per_s[1] / ((1e9 - 1e6) / 1e-7), 1, 1e-9);
}

// Job j wants j steps/s of one byte each. Those up to 126 get what they want, 126 · 127 ÷ 2 = 8001 in all,
// and the other 174 share the rest of 30,000 evenly: 126.43 each, which is between 126 and 127 as it must be.
TEST(MaxMin, HundredsOfJobsOfDifferentPaceFillWhatTheyShare) {
  Problem problem{{30000}, {}};
  for (int j = 1; j <= 300; ++j) problem.jobs.push_back({static_cast<double>(j), 1, {{0, 1}}});
  const Allocation all = max_min(problem);
  EXPECT_NEAR(all.utilization[0], 1, 1e-12);
  for (std::size_t j = 1; j <= 300; ++j) {
    EXPECT_NEAR(all.steps_per_s[j - 1], j <= 126 ? static_cast<double>(j) : 21999.0 / 174, 1e-9);
    EXPECT_EQ(all.bound_by[j - 1], j <= 126 ? kOwnPace : 0U);
  }
}

TEST(MaxMin, ABugOfTheCallerIsSaid) {
  EXPECT_THROW(max_min({{1}, {{1, 1, {{1, 1}}}}}), std::invalid_argument);
  EXPECT_THROW(max_min({{1}, {{1, 0, {{0, 1}}}}}), std::invalid_argument);
  EXPECT_THROW(max_min({{1}, {{1, 1, {{0, -1}}}}}), std::invalid_argument);
}

}  // namespace
}  // namespace millrace::allocate
