// SPDX-License-Identifier: Apache-2.0
#include "report/stall_shares.hpp"

#include <gtest/gtest.h>

namespace millrace::report {
namespace {

record::Document three_runs(double device, double cached, double cold) {
  record::Document document;
  for (const auto& [source, step] : {std::pair{"device", device}, {"cached", cached}, {"cold", cold}}) {
    record::Measurement& m = document.measurements.emplace_back();
    m.probe = "ingest.pipeline";
    m.label = "toy-x1";
    m.parameters = {{"source", std::string(source)}, {"compute", 0.05}, {"scale", 10.0}};
    m.metrics["step_s"].mean = step;
  }
  return document;
}

TEST(StallShares, SplitTheColdStepIntoFetchAndPrep) {
  const auto shares = stall_shares(three_runs(0.05, 0.06, 0.1), "toy-x1");
  ASSERT_TRUE(shares);
  EXPECT_DOUBLE_EQ(shares->waiting, 0.5);
  ASSERT_TRUE(shares->split);
  EXPECT_DOUBLE_EQ(shares->split->fetch, 0.4);
  EXPECT_NEAR(shares->split->prep, 0.1, 1e-12);
  EXPECT_EQ(input_bound(*shares), "highly input-bound");
}

TEST(StallShares, AreNeverNegativeWhenRunsDifferByNoiseAlone) {
  const auto shares = stall_shares(three_runs(0.051, 0.0505, 0.05), "toy-x1");
  ASSERT_TRUE(shares);
  EXPECT_EQ(shares->waiting, 0);
  ASSERT_TRUE(shares->split);
  EXPECT_EQ(shares->split->fetch, 0);
  EXPECT_EQ(shares->split->prep, 0);
  EXPECT_EQ(input_bound(*shares), "not input-bound");
}

TEST(StallShares, DoNotBlamePreparationWhereTheCacheWasSlowerThanTheDrive) {
  const auto shares = stall_shares(three_runs(0.05, 0.15, 0.1), "toy-x1");
  ASSERT_TRUE(shares);
  EXPECT_DOUBLE_EQ(shares->waiting, 0.5);
  EXPECT_FALSE(shares->split);
  EXPECT_EQ(input_bound(*shares), "highly input-bound");
}

TEST(StallShares, NeedAllThreeRunsAtOneScale) {
  auto document = three_runs(0.05, 0.06, 0.1);
  EXPECT_FALSE(stall_shares(document, "other-x1"));
  document.measurements[1].parameters["scale"] = 5.0;
  EXPECT_FALSE(stall_shares(document, "toy-x1"));
  document.measurements.pop_back();
  EXPECT_FALSE(stall_shares(document, "toy-x1"));
}

}  // namespace
}  // namespace millrace::report
