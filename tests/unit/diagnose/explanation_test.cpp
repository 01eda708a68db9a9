// SPDX-License-Identifier: Apache-2.0
#include "diagnose/explanation.hpp"

#include <gtest/gtest.h>

namespace millrace::diagnose {
namespace {

TEST(Explanation, ALineOfArithmeticHasOnePrefixForItsBytesAndSecondsInFull) {
  EXPECT_EQ(Sum(figure::count(7, "records"))
                .times(figure::bytes(146600628))
                .over(figure::seconds(0.323))
                .equals(figure::rate(7 * 146600628 / 0.323)),
            "7 records × 0.146601 GB ÷ 0.323 s = 3.177 GB/s");
  EXPECT_EQ(Sum(figure::rate(3.177e9)).over(figure::rate(1.05e9)).equals(figure::percent(3.177 / 1.05)),
            "3.177 GB/s ÷ 1.05 GB/s = 302.6 %");
  EXPECT_EQ(Sum(figure::seconds(0.0043)).plus(figure::seconds(0.0123)).equals(figure::seconds(0.0166)),
            "4.3 ms + 12.3 ms = 16.6 ms");
  EXPECT_EQ(Sum(figure::percent(0.5)).minus(figure::percent(0.47)).equals(figure::percent(0.03)),
            "50 % − 47 % = 3 %");
}

TEST(Explanation, FiguresAreComparedInOneUnit) {
  EXPECT_EQ(Sum::compare(figure::rate(0.9e9), figure::rate(1.1e9)), "0.9 GB/s < 1.1 GB/s");
  EXPECT_EQ(Sum::compare(figure::percent(0.31), figure::percent(0.9)), "31 % < 90 %");
  EXPECT_EQ(Sum::compare(figure::percent(0.90001), figure::percent(0.9)), "90 % = 90 %");
}

TEST(Explanation, WhatIsPrintedGivesItsResultWhenItIsTypedIn) {
  for (const double rate : {1.0, 999.9, 1e3, 123456789.0, 3.3333333e12})
    for (const double time : {1e-7, 0.000123456789, 0.98765432, 77.7}) {
      const auto line =
          Sum(figure::rate(rate)).times(figure::seconds(time)).equals(figure::bytes(rate * time));
      const auto checked = check(line);
      ASSERT_TRUE(checked) << line;
      EXPECT_TRUE(checked->holds()) << line << ": " << checked->left << " and " << checked->right;
      EXPECT_LT(checked->tolerance, 2e-3 * checked->right)
          << line << ": a check that anything passes is none";
    }
}

TEST(Explanation, AWrongSumIsFoundOut) {
  EXPECT_TRUE(check("7 records × 0.146601 GB ÷ 0.323 s = 3.177 GB/s")->holds());
  EXPECT_FALSE(check("7 records × 0.146601 GB ÷ 0.323 s = 3.187 GB/s")->holds());
  EXPECT_FALSE(check("7 records × 146.601 GB ÷ 0.323 s = 3.177 GB/s")->holds());
  EXPECT_FALSE(check("4.3 ms + 12.3 ms − 1 ms = 16.6 ms")->holds());
  EXPECT_TRUE(check("2 × 3 + 4 × 5 = 26")->holds()) << "× before +";
  EXPECT_TRUE(check("821.741 ms ÷ 1.07 = 768 ms")->holds()) << "767.98 with four digits";
  EXPECT_FALSE(check("821.741 ms ÷ 1.07 = 767 ms")->holds());
  EXPECT_FALSE(check("2 × 3 = 7")->holds());
  EXPECT_FALSE(check("31 % > 90 %")->holds());
  EXPECT_TRUE(check("31 % < 90 %")->holds());
  EXPECT_FALSE(check("nothing is computed here"));
}

}  // namespace
}  // namespace millrace::diagnose
