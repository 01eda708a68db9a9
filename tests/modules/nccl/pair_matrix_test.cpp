// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/pair_matrix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace millrace::nccl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kRanks = 4;
const std::vector<std::string> kNames = {"gpu:0", "gpu:1", "gpu:2", "gpu:3"};

std::vector<double> all_at(double rate) {
  std::vector<double> rates(kRanks * kRanks, rate);
  for (std::size_t i = 0; i < kRanks; ++i) rates[i * kRanks + i] = 0;
  return rates;
}
double& rate_of(std::vector<double>& rates, std::size_t from, std::size_t to) {
  return rates[to * kRanks + from];
}

TEST(PairAt, CountsEveryOrderedPairOnce) {
  std::set<std::pair<int, int>> seen;
  for (std::size_t i = 0; i < 8 * 7; ++i) {
    const RankPair pair = pair_at(i, 8);
    EXPECT_NE(pair.from, pair.to);
    EXPECT_TRUE(pair.from >= 0 && pair.from < 8 && pair.to >= 0 && pair.to < 8);
    seen.insert({pair.from, pair.to});
  }
  EXPECT_EQ(seen.size(), 56u);
  EXPECT_EQ(pair_at(0, 8), (RankPair{0, 1}));
  EXPECT_EQ(pair_at(7, 8), (RankPair{1, 0}));
}

TEST(SlowPairs, AreNoneWhereAllAreAlike) {
  std::vector<double> rates = all_at(40e9);
  rate_of(rates, 1, 2) = 35e9;  // noise
  EXPECT_THAT(slow_pairs(rates, kNames), IsEmpty());
}

TEST(SlowPairs, OneIsNamedByItsEnds) {
  std::vector<double> rates = all_at(40e9);
  rate_of(rates, 1, 2) = 20e9;
  EXPECT_THAT(slow_pairs(rates, kNames), ElementsAre("gpu:1 to gpu:2"));
}

TEST(SlowPairs, AGpuWhoseLinkIsAtHalfIsNamedOnce) {
  std::vector<double> rates = all_at(40e9);
  for (const std::size_t other : {0, 1, 2}) rate_of(rates, 3, other) = rate_of(rates, other, 3) = 20e9;
  EXPECT_THAT(slow_pairs(rates, kNames), ElementsAre("from gpu:3", "to gpu:3"));
  for (const std::size_t other : {0, 1, 2}) rate_of(rates, other, 3) = 40e9;
  EXPECT_THAT(slow_pairs(rates, kNames), ElementsAre("from gpu:3")) << "one direction alone";
}

TEST(SlowPairs, WhatHadNoTurnIsNotSlow) {
  std::vector<double> rates = all_at(40e9);
  rate_of(rates, 0, 1) = 0;
  EXPECT_THAT(slow_pairs(rates, kNames), IsEmpty());
}

TEST(SlowPairs, OfTwoRanksADirectionIsNamedNoRank) {
  const std::vector<double> rates = {0, 10e9, 40e9, 0};
  const std::vector<std::string> two = {"gpu:0", "gpu:1"};
  EXPECT_THAT(slow_pairs(rates, two), ElementsAre("gpu:1 to gpu:0"));
}

}  // namespace
}  // namespace millrace::nccl
