// SPDX-License-Identifier: Apache-2.0
#include "stats/slices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace millrace::stats {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pair;

using Threads = std::vector<std::vector<Slice>>;
constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Grid, GivesEachPeriodItsShareOfASliceByTime) {
  // 100 bytes from 0.5 s to 2.5 s: a quarter, a half, a quarter.
  const Threads threads{{{kSecond / 2, 5 * kSecond / 2, 100, 8}}};
  const auto grid = rates_on_grid(threads, 0, 3 * kSecond, kSecond);
  EXPECT_THAT(grid->bytes_per_s, ElementsAre(25, 50, 25));
  EXPECT_THAT(grid->operations_per_s, ElementsAre(2, 4, 2));
}

TEST(Grid, AddsThreadsWhoseSlicesDoNotAlign) {
  const Threads threads{{{0, kSecond, 10, 1}, {kSecond, 2 * kSecond, 20, 1}},
                        {{kSecond / 2, 3 * kSecond / 2, 40, 2}}};
  const auto grid = rates_on_grid(threads, 0, 2 * kSecond, kSecond);
  EXPECT_THAT(grid->bytes_per_s, ElementsAre(30, 40));
}

TEST(Grid, GivesRatesPerSecondWhateverThePeriod) {
  const Threads threads{{{0, kSecond, 1'000, 10}}};
  const auto grid = rates_on_grid(threads, 0, kSecond, kSecond / 4);
  ASSERT_TRUE(grid);
  EXPECT_THAT(grid->bytes_per_s, ElementsAre(1'000, 1'000, 1'000, 1'000));
  EXPECT_DOUBLE_EQ(grid->period_s(), 0.25);
}

TEST(Grid, LeavesOutWhatLiesOutsideAndABrokenLastPeriod) {
  const Threads threads{
      {{-kSecond, kSecond, 20, 2}, {kSecond, 2 * kSecond, 30, 1}, {9 * kSecond, 10 * kSecond, 1, 1}}};
  EXPECT_THAT(rates_on_grid(threads, 0, 5 * kSecond / 2, kSecond)->bytes_per_s, ElementsAre(10, 30));
  EXPECT_TRUE(rates_on_grid(threads, 0, kSecond / 2, kSecond)->bytes_per_s.empty());
  EXPECT_TRUE(rates_on_grid(threads, kSecond, 0, kSecond)->bytes_per_s.empty());
}

TEST(Grid, PutsAnInstantIntoItsPeriod) {
  const Threads threads{{{kSecond, kSecond, 7, 1}, {2 * kSecond, 2 * kSecond, 9, 1}, {-1, -1, 5, 1}}};
  EXPECT_THAT(rates_on_grid(threads, 0, 2 * kSecond, kSecond)->bytes_per_s, ElementsAre(0, 7));
}

TEST(Grid, LosesNothingWithinTheWindow) {
  std::mt19937_64 random(1);
  Threads threads(3);
  double bytes = 0;
  for (auto& slices : threads) {
    for (std::int64_t at = 0; at < 1'000'000;) {
      const auto length = static_cast<std::int64_t>(random() % 3'000);
      const Slice slice{at, std::min<std::int64_t>(at + length, 1'000'000), random() % 100'000, 1};
      bytes += static_cast<double>(slice.bytes);
      slices.push_back(slice);
      at += length;
    }
    if (slices.back().begin_ns ==
        slices.back().end_ns) {  // an instant at the very end belongs to the next period
      bytes -= static_cast<double>(slices.back().bytes);
      slices.pop_back();
    }
  }
  const auto grid = rates_on_grid(threads, 0, 1'000'000, 1'000);
  const double sum =
      std::accumulate(grid->bytes_per_s.begin(), grid->bytes_per_s.end(), 0.0) * grid->period_s();
  EXPECT_NEAR(sum / bytes, 1, 1e-9);
}

TEST(Grid, CountsSlicesThatRunBackwardsInsteadOfUsingThem) {
  const auto grid = rates_on_grid(Threads{{{kSecond, 0, 7, 1}, {0, kSecond, 3, 1}}}, 0, kSecond, kSecond);
  EXPECT_EQ(grid->ignored, 1u);
  EXPECT_THAT(grid->bytes_per_s, ElementsAre(3));
}

TEST(Grid, SurvivesAbsurdTimes) {
  const Threads threads{
      {{INT64_MIN, INT64_MAX, 1'000, 1}, {INT64_MAX, INT64_MAX, 1, 1}, {INT64_MIN, INT64_MIN, 1, 1}}};
  EXPECT_THAT(rates_on_grid(threads, 0, 2 * kSecond, kSecond)->bytes_per_s,
              ElementsAre(DoubleNear(0, 1e-6), DoubleNear(0, 1e-6)));
  EXPECT_FALSE(rates_on_grid(threads, INT64_MIN, INT64_MAX, 1)) << "as many periods as no machine holds";
  EXPECT_FALSE(rates_on_grid(threads, 0, kSecond, 0));
  EXPECT_FALSE(rates_on_grid(threads, 0, kSecond, -1));
  EXPECT_THAT(rates_on_grid(threads, INT64_MAX - 1, INT64_MAX, 1)->bytes_per_s.size(), 1u);
}

TEST(CommonWindow, IsWhereAllThreadsRan) {
  const Threads threads{{{10, 20, 1, 1}, {20, 90, 1, 1}}, {{15, 40, 1, 1}, {40, 70, 1, 1}}};
  EXPECT_THAT(common_window(threads).value(), Pair(15, 70));
}

TEST(CommonWindow, IsNothingWhereThreadsNeverRanTogether) {
  EXPECT_FALSE(common_window(Threads{{{0, 10, 1, 1}}, {{10, 20, 1, 1}}}));
  EXPECT_FALSE(common_window(Threads{{{0, 10, 1, 1}}, {}}));
  EXPECT_FALSE(common_window(Threads{}));
}

}  // namespace
}  // namespace millrace::stats
