// SPDX-License-Identifier: Apache-2.0
#include "diagnose/capacity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

std::vector<record::Repeat> repeats(const std::vector<double>& rates) {
  std::vector<record::Repeat> all;
  for (double rate : rates) all.push_back({rate, 0, 0, 1, ""});
  return all;
}

TEST(Capacity, ALimitIsACeilingButNoFloor) {
  Capacity capacity;
  EXPECT_FALSE(capacity.known());
  EXPECT_TRUE(std::isinf(capacity.rate()));
  EXPECT_TRUE(set_limit(capacity, 5, "physics"));
  EXPECT_EQ(capacity.rate(), 5);
  EXPECT_EQ(capacity.high(), 5);
  EXPECT_EQ(capacity.low(), 0);
}

TEST(Capacity, TheIntervalNeverPassesTheLimit) {
  Capacity capacity = capacity_from(testing::about(10, 3), {}, 1);
  EXPECT_TRUE(set_limit(capacity, 11, "physics"));
  EXPECT_EQ(capacity.high(), 11);
  EXPECT_EQ(capacity.low(), 7);
  EXPECT_FALSE(set_limit(capacity, 6, "a wrong one"));
  EXPECT_EQ(capacity.high(), 11);
}

TEST(Capacity, WithoutAnIntervalPromisesAndBoundsNothing) {
  Capacity capacity = capacity_from({10, {}, {}, {}, {}, {}}, repeats({10}), 1);
  EXPECT_EQ(capacity.rate(), 10);
  EXPECT_EQ(capacity.low(), 0);
  EXPECT_TRUE(std::isinf(capacity.high()));
  ASSERT_TRUE(set_limit(capacity, 12, "physics"));
  std::mt19937_64 random(3);
  EXPECT_EQ(draw(capacity, random), 12) << "never certain of the mean";
  record::Measurement a, b;
  a.throughput_bytes_per_s = testing::about(10, 5), b.throughput_bytes_per_s.mean = 20;
  a.repeats = repeats({10}), b.repeats = repeats({20});
  EXPECT_FALSE(sum_of({&a, &b}).measured->has_interval());
  EXPECT_EQ(sum_of({&a, &b}).low(), 0);
}

TEST(Capacity, WhatRanTogetherAddsUpRepeatByRepeat) {
  record::Measurement a, b;
  a.id = std::string("a"), b.id = std::string("b");
  a.throughput_bytes_per_s = testing::about(10, 5), b.throughput_bytes_per_s = testing::about(20, 5);
  a.repeats = repeats({8, 10, 12}), b.repeats = repeats({22, 20, 18});  // one's loss is the other's gain
  const Capacity total = sum_of({&a, &b});
  EXPECT_DOUBLE_EQ(total.measured->mean, 30);
  EXPECT_NEAR(total.measured->ci95_high - total.measured->ci95_low, 0, 1e-9);
  EXPECT_EQ(total.evidence, (std::vector<std::string>{"a", "b"}));
  b.repeats.clear();
  const Capacity apart = sum_of({&a, &b});
  EXPECT_NEAR(apart.measured->ci95_high - 30, std::sqrt(50.0), 1e-9);
}

TEST(Draw, CoversTheTrueMeanAboutAsOftenAsItSays) {
  // 3 repeats from a normal of mean 100 and deviation 5, 400 times: how often the drawn 95 % hold 100.
  std::mt19937_64 random(11);
  std::normal_distribution<double> noise(100, 5);
  int covered = 0;
  for (int trial = 0; trial < 400; ++trial) {
    const std::vector<double> rates{noise(random), noise(random), noise(random)};
    const double mean = (rates[0] + rates[1] + rates[2]) / 3;
    const Capacity capacity = capacity_from(testing::about(mean, 0), repeats(rates), 1);
    std::vector<double> drawn(400);
    for (double& one : drawn) one = draw(capacity, random);
    std::sort(drawn.begin(), drawn.end());
    covered += drawn[10] <= 100 && 100 <= drawn[389];
  }
  EXPECT_GT(covered, 400 * 0.88);
}

TEST(Draw, StaysAboveNothingAndBelowTheLimit) {
  Capacity capacity = capacity_from(testing::about(10, 30), repeats({1, 19}), 1);
  ASSERT_TRUE(set_limit(capacity, 12, "physics"));
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    const double one = draw(capacity, random);
    EXPECT_GE(one, 0.5);
    EXPECT_LE(one, 12);
  }
}

}  // namespace
}  // namespace millrace::diagnose
