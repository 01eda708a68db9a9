// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::run {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(GpuFindings, NameEachThrottledGpuOnceByTheMeasurementThatItWasLongestIn) {
  record::Measurement first;
  first.id = "m1";
  first.probe = "gpu.copy";
  first.duration_s = 5;
  first.counters = {{"gpu:0:throttled:sw_thermal_s", 1.5}, {"gpu:0:energy_j", 700}};
  record::Measurement second = first;
  second.id = "m2";
  second.counters = {{"gpu:0:throttled:sw_thermal_s", 3}, {"gpu:0:throttled:power_brake_s", 0.5}};
  const auto found = findings_of_gpus({first, second});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "gpu-throttled");
  EXPECT_EQ(found[0].severity, "warning");
  EXPECT_EQ(found[0].resource, "gpu:0");
  EXPECT_THAT(found[0].what, HasSubstr("gpu:0 was held down while gpu.copy (m2) took 5 s"));
  EXPECT_THAT(found[0].what, HasSubstr("too hot (the driver slows it down) for 3 s"));
  EXPECT_THAT(found[0].what, HasSubstr("brake for 500 ms"));
}

TEST(GpuFindings, AreNoneWhereNothingHeldAGpuDown) {
  record::Measurement m;
  m.counters = {{"gpu:0:energy_j", 700}};
  EXPECT_THAT(findings_of_gpus({m}), IsEmpty());
}

}  // namespace
}  // namespace millrace::run
