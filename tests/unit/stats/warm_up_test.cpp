// SPDX-License-Identifier: Apache-2.0
#include "stats/warm_up.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "series.hpp"
#include "stats/steadiness.hpp"
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
  for (std::size_t i = 0; i < 35; ++i) series[i] = 100;
  EXPECT_EQ(find_warm_up(series).cut, 35u);
  EXPECT_TRUE(find_warm_up(series).settled);
  EXPECT_DOUBLE_EQ(find_warm_up(series).transient, 9);
  for (std::size_t i = 35; i < 37; ++i) series[i] = 100;
  EXPECT_EQ(find_warm_up(series).cut, 40u) << "a batch of five that is touched goes whole";
}

TEST(WarmUp, FindsTheLeastStatisticByHand) {
  // Four batches of five with means 0, 5, 4, 3: over those kept, squares / count^2 is 14/16 for all, 2/9
  // without the first, 0.5/4 without the first two.
  std::vector<double> series;
  for (const double mean : {0, 5, 4, 3}) series.insert(series.end(), 5, mean);
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

// What a series of 1,000 slices about kTrueMean gives whose values are multiplied by shape(share of the run).
struct Judged {
  double mean_over_true = 0;  // the true one is that of all values
  bool steady = true;
};

template <typename Shape>
Judged judged(std::uint64_t seed, Shape shape, double deviation = 0.05) {
  auto series = Noise(seed, 0, deviation).series(1000);
  double whole = 0;
  for (std::size_t i = 0; i < series.size(); ++i) whole += series[i] *= shape(static_cast<double>(i) / 1000);
  const WarmUp warm_up = find_warm_up(series);
  const bool steady = judge_steadiness(series, warm_up).is_steady();
  return {settled_mean(series)->mean / (whole / 1000), steady};
}

auto still(double from, double to) {
  return [=](double at) { return at >= from && at < to ? 0.001 : 1.0; };
}

TEST(WarmUp, ThrowsNothingAwayBeforeAStandstillInTheSecondHalf) {
  for (const auto& [from, to] :
       {std::pair(0.4, 0.95), {0.5, 1.0}, {0.6, 1.0}, {0.2, 0.9}, {0.1, 0.95}, {0.45, 1.0}})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Judged result = judged(seed, still(from, to));
      EXPECT_NEAR(result.mean_over_true, 1, 1e-9) << from << " to " << to;
      EXPECT_FALSE(result.steady) << from << " to " << to;
    }
}

TEST(WarmUp, ThrowsNothingAwayBeforeAStandstillInTheMiddle) {
  for (const auto& [from, to] :
       {std::pair(0.4, 0.6), {0.45, 0.5}, {0.3, 0.75}, {0.22, 0.4}, {0.1, 0.6}, {0.47, 0.57}})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Judged result = judged(seed, still(from, to));
      EXPECT_NEAR(result.mean_over_true, 1, 1e-9) << from << " to " << to;
      EXPECT_FALSE(result.steady) << from << " to " << to;
    }
}

TEST(WarmUp, CutsABurstAtTheStart) {
  for (const double length : {0.02, 0.1, 0.19})
    for (const double height : {1.5, 4.0, 100.0})
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        auto series = Noise(seed, 0, 0.05).series(1000);
        const auto burst = static_cast<std::size_t>(length * 1000);
        for (std::size_t i = 0; i < burst; ++i) series[i] *= height;
        const WarmUp warm_up = find_warm_up(series);
        EXPECT_GE(warm_up.cut, burst) << length << " of the run at " << height;
        EXPECT_LE(warm_up.cut, burst + 100) << length << " of the run at " << height;
        EXPECT_TRUE(judge_steadiness(series, warm_up).is_steady()) << length << " of the run at " << height;
      }
}

TEST(WarmUp, TakesALongFastStartForAStepDown) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Judged result = judged(seed, [](double at) { return at < 0.3 ? 1 : 0.5; });
    EXPECT_NEAR(result.mean_over_true, 1, 1e-9);
    EXPECT_FALSE(result.steady);
  }
}

TEST(WarmUp, CutsABurstOnlyWhereTheRestKeepsItsLevel) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Judged stopped = judged(seed, [](double at) { return at < 0.1 ? 2 : at < 0.7 ? 1 : 0.001; });
    EXPECT_NEAR(stopped.mean_over_true, 1, 1e-9);
    EXPECT_FALSE(stopped.steady);
  }
}

TEST(WarmUp, CutsASlowStartHoweverLong) {
  for (const double length : {0.1, 0.3, 0.45})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      auto series = Noise(seed, 0, 0.05).series(1000);
      const auto slow = static_cast<std::size_t>(length * 1000);
      for (std::size_t i = 0; i < slow; ++i)
        series[i] *= 0.4 + 0.5 * static_cast<double>(i) / static_cast<double>(slow);
      const WarmUp warm_up = find_warm_up(series);
      EXPECT_GE(warm_up.cut, slow - 50) << length;
      EXPECT_LE(warm_up.cut, slow + 150) << length;
      EXPECT_NEAR(settled_mean(series)->mean, kTrueMean, 0.02 * kTrueMean) << length;
    }
}

TEST(WarmUp, KeepsWhatCameBeforeAStep) {
  for (const double place : {0.3, 0.5, 0.7})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Judged down = judged(seed, [&](double at) { return at < place ? 1 : 0.6; });
      EXPECT_NEAR(down.mean_over_true, 1, 1e-9) << place;
      EXPECT_FALSE(down.steady) << place;
    }
}

}  // namespace
}  // namespace millrace::stats
