// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

TEST(ScalingAWorkload, KeepsTheDemandWhateverTheFactor) {
  for (const Profile& profile : built_in_training_input())
    for (double factor : {1.0, 2.0, 7.5, 100.0, 5000.0}) {
      const Profile small = scaled(profile, factor);
      EXPECT_NEAR(small.demand_bytes_per_s() / profile.demand_bytes_per_s(), 1, 1e-9)
          << profile.name << factor;
      EXPECT_GE(small.input.record_bytes, 4096 - 1e-6);
      EXPECT_GE(small.input.batch_samples, 1u);
    }
}

TEST(ScalingAWorkload, ShrinksRecordsBytesAndComputeByTheSameFactor) {
  const Profile profile = load("unet3d-h100")->front();
  const Profile small = scaled(profile, 10);
  EXPECT_DOUBLE_EQ(small.input.record_bytes, 14660062.8);
  EXPECT_DOUBLE_EQ(small.input.record_stdev_bytes, 6834180.8);
  EXPECT_DOUBLE_EQ(small.compute_s, 0.0323);
  EXPECT_EQ(small.input.batch_samples, 7u);
}

TEST(ScalingAWorkload, TakesFewerRecordsWhenTheyAreAtABlockAlready) {
  const Profile small = scaled(load("resnet50-h100")->front(), 280);  // 28 × by the record, 10 × by the batch
  EXPECT_DOUBLE_EQ(small.input.record_bytes, 4096);
  EXPECT_EQ(small.input.batch_samples, 40u);
}

TEST(ScalingAWorkload, AFactorOfOneOrLessChangesNothing) {
  const Profile profile = load("cosmoflow-h100")->front();
  EXPECT_EQ(scaled(profile, 1).compute_s, profile.compute_s);
  EXPECT_EQ(scaled(profile, 0.1).compute_s, profile.compute_s);
}

}  // namespace
}  // namespace millrace::workload
