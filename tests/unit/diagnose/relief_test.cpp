// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using testing::Machine;

TEST(Relief, OneSlowHopIsRaisedToWhatTheWantedUtilizationNeeds) {
  // 1 GB/s where 0.9 × 2 GB/s are wanted; preparation has plenty.
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9).storage(1e9).ask();
  ASSERT_EQ(d.relief.size(), 1u);
  EXPECT_EQ(d.relief[0].resource, "drive:vda");
  EXPECT_NEAR(d.relief[0].factor, 1.80, 0.02);
  EXPECT_NEAR(d.relief[0].accelerator_utilization, 0.9, 0.01);
  EXPECT_GE(d.relief[0].accelerator_utilization, 0.9 - 2e-4);
  EXPECT_EQ(d.relief[0].next_bottleneck, "");
}

TEST(Relief, NamesWhatBindsNextWhenThatIsBelowTheDemand) {
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(1.9e9, 40e9).storage(1e9).ask();
  ASSERT_EQ(d.relief.size(), 1u);
  EXPECT_EQ(d.relief[0].next_bottleneck, "cpu:prep");
}

TEST(Relief, GoesOnWhenMendingOneHopIsNotEnough) {
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(1.2e9, 40e9).storage(0.5e9).ask();
  ASSERT_EQ(d.relief.size(), 2u);
  EXPECT_EQ(d.relief[0].resource, "drive:vda");
  EXPECT_NEAR(d.relief[0].accelerator_utilization, 0.6, 0.01);  // preparation's 1.2 of 2 GB/s
  EXPECT_EQ(d.relief[0].next_bottleneck, "cpu:prep");
  EXPECT_EQ(d.relief[1].resource, "cpu:prep");
  EXPECT_NEAR(d.relief[1].factor, 1.5, 0.05);
  EXPECT_GE(d.relief[1].accelerator_utilization, 0.895);
}

TEST(Relief, OfThreeHopsEndsAtTheWantedUtilization) {
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(0.6e9, 0.7e9).storage(0.5e9).ask();
  ASSERT_EQ(d.relief.size(), 3u);
  double before = d.utilization;
  for (const auto& step : d.relief) {
    EXPECT_GT(step.accelerator_utilization, before);
    before = step.accelerator_utilization;
  }
  EXPECT_GE(before, 0.89);
}

TEST(Relief, AWishForAllTheTimeEnds) {
  Machine machine = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9).storage(1e9);
  const auto d = diagnose(machine.document, {testing::toy(), 1, 1.0});
  ASSERT_EQ(d.relief.size(), 1u);
  EXPECT_GT(d.relief[0].accelerator_utilization, 0.998);
}

}  // namespace
}  // namespace millrace::diagnose
