// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/rates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::gpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Rates all_pairs(int gpus, double rate) {
  Rates rates;
  for (int a = 0; a < gpus; ++a)
    for (int b = 0; b < gpus; ++b)
      if (a != b) rates[{a, b}] = rate;
  return rates;
}

TEST(Rates, OfEqualPairsNoneIsOutOfLine) {
  Rates rates = all_pairs(8, 100);
  rates[{1, 2}] = 85;
  EXPECT_THAT(out_of_line(rates), IsEmpty());
}

TEST(Rates, AGpuWhoseEveryPairIsSlowIsNamedAndItsPairsAreNot) {
  Rates rates = all_pairs(8, 100);
  for (auto& [pair, rate] : rates)
    if (pair.first == 5 || pair.second == 5) rate = 50;
  EXPECT_THAT(out_of_line(rates), ElementsAre("slow-gpu:5"));
}

TEST(Rates, ASinglePairIsNamedOnceForBothItsWays) {
  Rates rates = all_pairs(8, 100);
  rates[{3, 1}] = rates[{1, 3}] = 50;
  rates[{6, 2}] = 50;
  EXPECT_THAT(out_of_line(rates), ElementsAre("slow-pair:1-3", "slow-pair:2-6"));
}

TEST(Rates, AMachineWithTwoKindsOfPairsHasNoneOutOfLine) {
  Rates rates = all_pairs(4, 100);  // pairs below one switch, and half of the pairs through the roots
  for (auto& [pair, rate] : rates)
    if (pair.first / 2 != pair.second / 2) rate = 30;
  EXPECT_THAT(out_of_line(rates), IsEmpty());
}

TEST(Rates, FewPairsTellNothing) {
  Rates rates = all_pairs(2, 100);
  rates[{0, 1}] = 10;
  EXPECT_THAT(out_of_line(rates), IsEmpty());
}

TEST(Rates, TheMedianIsTheMiddle) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({7}), 7);
}

}  // namespace
}  // namespace millrace::gpu
