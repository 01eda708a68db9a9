// SPDX-License-Identifier: Apache-2.0
#include "stats/warm_up.hpp"

#include <gtest/gtest.h>

#include "series.hpp"
#include "stats/stopping_rule.hpp"

namespace millrace::stats {
namespace {

TEST(WarmUp, CutsATransientWhereItEnds) {
  // A device that starts at 40 % of its rate and ramps up over 150 of 1,000 slices.
  const double cut_right = per_cent_of_runs([](std::uint64_t seed) {
    auto series = Noise(seed, 0, 0.1).series(1000);
    for (std::size_t i = 0; i < 150; ++i) series[i] -= kTrueMean * 0.6 * (1 - static_cast<double>(i) / 150);
    const WarmUp warm_up = find_warm_up(series);
    return warm_up.settled && warm_up.cut >= 100 && warm_up.cut <= 200;
  });
  EXPECT_GE(cut_right, 95);
}

TEST(WarmUp, KeepsTheTransientOutOfTheMean) {
  auto series = Noise(3, 0, 0.05).series(1000);
  for (std::size_t i = 0; i < 100; ++i) series[i] *= 0.1;
  const auto estimate = settled_mean(series);
  EXPECT_GE(estimate->cut, 100u);
  EXPECT_LE(estimate->cut, 110u);
  EXPECT_NEAR(estimate->mean, kTrueMean, 0.01 * kTrueMean) << "with the transient it would be 9 % too low";
}

TEST(WarmUp, CutsAStepToTheBatch) {
  std::vector<double> series(200, 10.0);
  for (std::size_t i = 0; i < 40; ++i) series[i] = 100;
  EXPECT_EQ(find_warm_up(series).cut, 40u);
  EXPECT_TRUE(find_warm_up(series).settled);
  EXPECT_DOUBLE_EQ(find_warm_up(series).transient, 9);
  for (std::size_t i = 40; i < 42; ++i) series[i] = 100;
  EXPECT_EQ(find_warm_up(series).cut, 45u) << "a batch of five that is touched goes whole";
}

TEST(WarmUp, FindsTheLeastStatisticByHand) {
  // Four batches of five with means 6, 1, 2, 3: over those kept, squares / count^2 is 14/16 for all, 2/9
  // without the first, 0.5/4 without the first two.
  std::vector<double> series;
  for (const double mean : {6, 1, 2, 3}) series.insert(series.end(), 5, mean);
  EXPECT_EQ(find_warm_up(series).cut, 10u);
  EXPECT_FALSE(find_warm_up(series).settled) << "the least lies at the end of the searched half";
}

TEST(WarmUp, TakesLittleFromAStationarySeries) {
  double cut = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed)
    cut += static_cast<double>(find_warm_up(Noise(seed, 0, 0.3).series(1000)).cut);
  EXPECT_LE(cut / 500, 20) << "slices of 1,000, on average";
  EXPECT_EQ(find_warm_up(std::vector<double>(1000, 7.0)).cut, 0u);
  EXPECT_TRUE(find_warm_up(std::vector<double>(1000, 7.0)).settled);
}

TEST(WarmUp, SaysWhenTheTransientDoesNotEnd) {
  std::vector<double> climbing(1000);
  for (std::size_t i = 0; i < climbing.size(); ++i) climbing[i] = static_cast<double>(i);
  const WarmUp warm_up = find_warm_up(climbing);
  EXPECT_FALSE(warm_up.settled);
  EXPECT_EQ(warm_up.cut, 500u) << "never more than half";
}

TEST(WarmUp, LeavesAShortSeriesAlone) {
  EXPECT_EQ(find_warm_up({}).cut, 0u);
  EXPECT_EQ(find_warm_up(std::vector<double>{100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}).cut,
            0u);
}

}  // namespace
}  // namespace millrace::stats
