// SPDX-License-Identifier: Apache-2.0
#include "workload/checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace millrace::workload {
namespace {

Profile llama_405b() {
  Profile profile;
  profile.shape.parameters = 405e9;
  return profile;
}

TEST(Checkpoints, YoungsIntervalIsTheRootOfTwiceCostTimesTimeBetweenFailures) {
  EXPECT_DOUBLE_EQ(young_interval_s(50, 10000), 1000);  // √(2 · 50 · 10,000)
}

TEST(Checkpoints, Llama3On16384GpusFailsEveryThreePointOneHours) {
  const CheckpointPlan plan = plan_checkpoint(llama_405b(), 16384, 0, 1e9, 10e9);
  EXPECT_NEAR(plan.between_failures_s / 3600, 3.1, 0.01);  // 54 d ÷ 419
  EXPECT_DOUBLE_EQ(plan.size_bytes, 5.67e12);              // 14 B · 405e9: MLPerf's 5.29 TiB is 5.82e12
}

TEST(Checkpoints, ASynchronousOneStandsStillForTheWholeWrite) {
  Profile profile = llama_405b();
  profile.checkpoint.asynchronous = false;
  const CheckpointPlan plan = plan_checkpoint(profile, 1000, 0, 81e6, 10e9);
  EXPECT_DOUBLE_EQ(plan.write_s, 70);  // 5.67e12 ÷ 1000 ÷ 81e6
  EXPECT_DOUBLE_EQ(plan.blocking_s, 70);
  EXPECT_EQ(plan.background_s, 0);
  EXPECT_NEAR(plan.interval_s, std::sqrt(2 * 70 * plan.between_failures_s), 1e-6);
  EXPECT_NEAR(plan.lost_blocking, 70 / (plan.interval_s + 70), 1e-12);
  EXPECT_NEAR(plan.lost_rework, plan.interval_s / 2 / plan.between_failures_s, 1e-12);
}

TEST(Checkpoints, AnAsynchronousOneStandsStillForTheSnapshotAndEndsBeforeTheNext) {
  Profile profile = llama_405b();
  const CheckpointPlan plan = plan_checkpoint(profile, 1000, 0, 81e6, 5.67e9);
  EXPECT_DOUBLE_EQ(plan.blocking_s, 1);
  EXPECT_DOUBLE_EQ(plan.background_s, 70);
  EXPECT_NEAR(plan.interval_s, std::sqrt(2 * 70 * plan.between_failures_s), 1e-6);
  profile.checkpoint.interval_s = 10;
  EXPECT_DOUBLE_EQ(plan_checkpoint(profile, 1000, 0, 81e6, 5.67e9).interval_s, 70);
}

TEST(Checkpoints, AnIntervalInStepsIsThatManySteps) {
  Profile profile = llama_405b();
  profile.checkpoint.every_steps = 50;
  EXPECT_DOUBLE_EQ(plan_checkpoint(profile, 1000, 4, 81e6, 5.67e9).interval_s, 200);
}

}  // namespace
}  // namespace millrace::workload
