// SPDX-License-Identifier: Apache-2.0
#include "stats/steadiness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "series.hpp"

namespace millrace::stats {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kLength = 1000;

Steadiness judge(const std::vector<double>& series) { return judge_steadiness(series, find_warm_up(series)); }

// In how many per cent of runs a series with this noise, each value times shape(i), is flagged; and named
// `kind`.
struct Flagged {
  double at_all, by_name;
};

template <typename Shape>
Flagged flagged(double phi, double deviation, Unsteadiness kind, Shape shape) {
  int named = 0;
  const double at_all = per_cent_of_runs([&](std::uint64_t seed) {
    auto series = Noise(seed, phi, deviation).series(kLength);
    for (std::size_t i = 0; i < series.size(); ++i) series[i] += kTrueMean * (shape(i) - 1);
    const Steadiness verdict = judge(series);
    named += verdict.kind == kind ? 1 : 0;
    return !verdict.is_steady();
  });
  return {at_all, 100.0 * named / kRuns};
}

double share(std::size_t i) { return static_cast<double>(i) / static_cast<double>(kLength); }

TEST(Steadiness, RarelyFlagsAStationarySeries) {
  const auto level = [](std::size_t) { return 1.0; };
  for (const double phi : {0.0, 0.9})
    for (const double deviation : {0.03, 0.3})
      EXPECT_LE(flagged(phi, deviation, Unsteadiness::kNone, level).at_all, 5) << phi << " " << deviation;
}

TEST(Steadiness, FlagsADriftOfTenPerCent) {
  for (const double phi : {0.0, 0.9}) {
    const auto up =
        flagged(phi, 0.03, Unsteadiness::kDrift, [](std::size_t i) { return 0.95 + 0.1 * share(i); });
    const auto down =
        flagged(phi, 0.03, Unsteadiness::kDrift, [](std::size_t i) { return 1.05 - 0.1 * share(i); });
    EXPECT_GE(up.at_all, 95) << phi;
    EXPECT_GE(down.at_all, 95) << phi;
  }
  // A large drift also looks like a step in the middle.
  const auto large =
      flagged(0, 0.03, Unsteadiness::kDrift, [](std::size_t i) { return 0.9 + 0.2 * share(i); });
  EXPECT_GE(large.by_name, 95);
}

TEST(Steadiness, FlagsAStepOfTenPerCentWhereverItLies) {
  for (const double phi : {0.0, 0.9})
    for (const double place : {0.3, 0.5, 0.8}) {
      const auto down =
          flagged(phi, 0.03, Unsteadiness::kStep, [&](std::size_t i) { return share(i) < place ? 1 : 0.9; });
      EXPECT_GE(down.at_all, 95) << phi << " at " << place;
      EXPECT_GE(down.by_name, phi == 0 ? 99 : 95) << phi << " at " << place;
    }
}

// Single blocks of a noisy series cross the middle between the two levels; that is no way back.
TEST(Steadiness, NamesANoisyStepAStepAndNotFlapping) {
  const auto step =
      flagged(0, 0.04, Unsteadiness::kStep, [](std::size_t i) { return share(i) < 0.5 ? 1 : 0.9; });
  EXPECT_GE(step.by_name, 98);
}

TEST(Steadiness, FlagsFlappingWhateverItsPeriod) {
  for (const std::size_t half :
       {10u, 25u, 50u, 170u}) {  // 25 and 50 divide a batch: all batch means are equal
    const auto on_off =
        flagged(0, 0.03, Unsteadiness::kFlapping, [&](std::size_t i) { return i / half % 2 == 0 ? 1 : 0; });
    EXPECT_GE(on_off.by_name, 95) << half;
    const auto slight = flagged(0.9, 0.03, Unsteadiness::kFlapping,
                                [&](std::size_t i) { return i / half % 2 == 0 ? 1 : 0.8; });
    EXPECT_GE(slight.at_all, 95) << half;
  }
}

TEST(Steadiness, FlagsAStandstillWhereverItLies) {
  for (const double phi : {0.0, 0.9})
    for (const double place : {0.22, 0.47, 0.9}) {
      const auto stop = flagged(phi, 0.03, Unsteadiness::kStandstill, [&](std::size_t i) {
        return share(i) >= place && share(i) < place + 0.1 ? 0 : 1;
      });
      EXPECT_GE(stop.at_all, 99) << phi << " at " << place;
      if (place == 0.47) {
        EXPECT_GE(stop.by_name, 95) << phi;
      }
    }
}

TEST(Steadiness, DoesNotCallAShortRhythmFlapping) {
  // Five slices with, five without: within the mean of a few slices it is gone.
  const auto rhythm =
      flagged(0, 0.03, Unsteadiness::kFlapping, [](std::size_t i) { return i / 5 % 2 == 0 ? 1.2 : 0.8; });
  EXPECT_LE(rhythm.at_all, 5);
}

TEST(Steadiness, LetsBeWhatDoesNotMatter) {
  // Real beyond doubt, with next to no noise, but 3 % only.
  const auto step =
      flagged(0, 0.001, Unsteadiness::kStep, [](std::size_t i) { return share(i) < 0.6 ? 1 : 0.97; });
  EXPECT_EQ(step.at_all, 0);
  const auto drift =
      flagged(0, 0.001, Unsteadiness::kDrift, [](std::size_t i) { return 1 + 0.03 * share(i); });
  EXPECT_EQ(drift.at_all, 0);
  const auto flapping =
      flagged(0, 0.001, Unsteadiness::kFlapping, [](std::size_t i) { return i / 50 % 2 == 0 ? 1 : 0.95; });
  EXPECT_EQ(flapping.at_all, 0);
}

TEST(Steadiness, TakesAShortTransientForWarmUpAndALongOneForAStep) {
  const auto transient = [](std::size_t length) {
    return [length](std::size_t i) { return i < length ? 0.5 : 1.0; };
  };
  EXPECT_LE(flagged(0, 0.03, Unsteadiness::kStep, transient(150)).at_all, 5);
  EXPECT_GE(flagged(0, 0.03, Unsteadiness::kStep, transient(400)).by_name, 95);
}

TEST(Steadiness, FlagsAWarmUpThatDidNotEnd) {
  const auto noise = Noise(1, 0, 0.1).series(kLength);
  WarmUp warm_up{500, 0.2, false};
  EXPECT_EQ(judge_steadiness(noise, warm_up).kind, Unsteadiness::kUnsettled);
  warm_up.transient = 0.02;
  EXPECT_TRUE(judge_steadiness(noise, warm_up).is_steady()) << "it moves next to nothing";
  warm_up = {500, 0.2, true};
  EXPECT_TRUE(judge_steadiness(noise, warm_up).is_steady());
}

TEST(Steadiness, TellsHowMuchAndWhere) {
  auto series = Noise(1, 0, 0.01).series(kLength);
  for (std::size_t i = 600; i < kLength; ++i) series[i] -= 0.2 * kTrueMean;
  const Steadiness verdict = judge(series);
  EXPECT_EQ(verdict.kind, Unsteadiness::kStep);
  EXPECT_NEAR(verdict.change, -0.2 / 0.92, 0.01);
  EXPECT_NEAR(static_cast<double>(verdict.at), 600, 50);
  EXPECT_THAT(verdict.text(), HasSubstr("a step of -22 %"));
}

TEST(Steadiness, DoesNotJudgeAShortSeries) {
  std::vector<double> series(199, 1.0);
  for (std::size_t i = 100; i < series.size(); ++i) series[i] = 9;
  EXPECT_EQ(judge(series).kind, Unsteadiness::kTooShort);
  EXPECT_EQ(judge({}).kind, Unsteadiness::kTooShort);
  series.push_back(9);
  EXPECT_FALSE(judge(series).is_steady());
}

TEST(Steadiness, FindsAConstantAndAnEmptyRateSteady) {
  EXPECT_EQ(judge(std::vector<double>(kLength, 5.0)).kind, Unsteadiness::kNone);
  EXPECT_EQ(judge(std::vector<double>(kLength, 0.0)).kind, Unsteadiness::kNone);
  EXPECT_EQ(judge(std::vector<double>(kLength, 5.0)).text(), "");
}

}  // namespace
}  // namespace millrace::stats
