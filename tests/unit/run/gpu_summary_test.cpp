// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::run {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using topology::nvml::GpuSample;

constexpr std::int64_t kSecond = 1'000'000'000;

// One reading a second, from 0 on, of a GPU that draws 100 W.
class GpuSummaryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    topology::GpuFacts facts;
    facts.gpu = "gpu:3";
    facts.pcie_generation_possible = 5;
    facts.pcie_width_possible = 16;
    host_.gpus = std::vector{facts};
    for (int i = 0; i < 6; ++i) {
      GpuSample& sample = samples().emplace_back();
      sample.at_ns = i * kSecond;
      sample.energy_j = 5000 + 100.0 * i;
      sample.sm_clock_mhz = 1000 + 10 * i;
      sample.power_w = 100;
      sample.pcie_generation = 5;
      sample.pcie_width = 16;
    }
  }
  std::vector<GpuSample>& samples() { return readings_.by_gpu["gpu:3"]; }
  [[nodiscard]] GpuSummary between(double begin_s, double end_s) const {
    return summarize_gpus(readings_, host_, static_cast<std::int64_t>(begin_s * 1e9),
                          static_cast<std::int64_t>(end_s * 1e9));
  }
  topology::HostFacts host_;
  GpuReadings readings_;
};

TEST_F(GpuSummaryTest, EnergyIsTheCountersGrowthFromBeginToEndBetweenReadings) {
  EXPECT_NEAR(between(1, 3).counters.at("gpu:3:energy_j"), 200, 1e-6);
  EXPECT_NEAR(between(1.25, 1.75).counters.at("gpu:3:energy_j"), 50, 1e-6);
}

TEST_F(GpuSummaryTest, EnergyIsUnknownWhereNobodyReadBothBeforeAndAfterOrNothingCountsIt) {
  EXPECT_FALSE(between(4, 5.5).counters.contains("gpu:3:energy_j"));
  samples()[2].energy_j.reset();
  EXPECT_FALSE(between(1.5, 3).counters.contains("gpu:3:energy_j"));
}

TEST_F(GpuSummaryTest, ReadingsBeforeMeanwhileAndAfterAreToldApart) {
  const GpuSummary summary = between(1.5, 3.5);
  EXPECT_THAT(summary.metrics.at("gpu:3:before:sm_clock_mhz"), ElementsAre(1010));
  EXPECT_THAT(summary.metrics.at("gpu:3:sm_clock_mhz"), ElementsAre(1020, 1030));
  EXPECT_THAT(summary.metrics.at("gpu:3:after:sm_clock_mhz"), ElementsAre(1040));
  EXPECT_FALSE(summary.metrics.contains("gpu:3:temperature_c"));
  EXPECT_THAT(summary.flags, IsEmpty());
}

TEST_F(GpuSummaryTest, ThrottlingIsCountedForAsLongAsItsReadingStands) {
  samples()[2].clocks_held_by = {"sw_thermal", "application_clocks"};
  const GpuSummary summary = between(1.5, 2.5);
  EXPECT_THAT(summary.flags, ElementsAre("throttled"));
  EXPECT_NEAR(summary.counters.at("gpu:3:throttled:sw_thermal_s"), 0.5, 1e-9);
  EXPECT_EQ(summary.counters.size(), 2U);  // and the energy: a setting is no throttling
}

TEST_F(GpuSummaryTest, ThrottlingBeforeAndAfterIsNotTheMeasurements) {
  samples()[0].clocks_held_by = samples()[4].clocks_held_by = {"hw_thermal"};
  EXPECT_THAT(between(1.5, 3.5).flags, IsEmpty());
}

TEST_F(GpuSummaryTest, IdleIsNoThrottling) {
  for (GpuSample& sample : samples()) sample.clocks_held_by = {"idle"};
  EXPECT_THAT(between(1, 4).flags, IsEmpty());
}

TEST_F(GpuSummaryTest, AHardwareSlowdownThatOneReadingAloneShowsIsAChangeOfClocks) {
  samples()[2].clocks_held_by = {"hw_slowdown"};
  EXPECT_THAT(between(1, 4).flags, IsEmpty());
  samples()[3].clocks_held_by = {"hw_slowdown"};
  EXPECT_THAT(between(1, 4).flags, ElementsAre("throttled"));
}

TEST_F(GpuSummaryTest, APcieLinkThatNeverRanAsItCouldUnderLoadIsFlagged) {
  for (GpuSample& sample : samples()) sample.pcie_width = 8;
  EXPECT_THAT(between(1, 4).flags, ElementsAre("pcie-link-below-maximum"));
  samples()[3].pcie_width = 16;
  EXPECT_THAT(between(1, 4).flags, IsEmpty());
  EXPECT_THAT(between(1.2, 1.8).flags, IsEmpty());  // no reading under load: nothing is known
}

TEST_F(GpuSummaryTest, ALostGpuIsFlagged) {
  samples()[4].lost = "NVML_ERROR_GPU_IS_LOST (15): GPU is lost";
  EXPECT_THAT(between(1, 4).flags, ElementsAre("gpu-lost"));
}

TEST_F(GpuSummaryTest, ARepeatThatNeverRanHasNothingToSay) {
  EXPECT_THAT(between(0, 0).counters, IsEmpty());
  EXPECT_THAT(between(0, 0).metrics, IsEmpty());
}

}  // namespace
}  // namespace millrace::run
