// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::Machine;
using ::testing::Not;

Machine machine() {
  return Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9).storage(1e9);
}

TEST(Proof, StandsBesideThePredictionWithItsResidual) {
  const auto d = machine().proof(0.47).ask();
  ASSERT_TRUE(d.measured);
  EXPECT_EQ(d.measured->measurement, "m4");
  EXPECT_DOUBLE_EQ(d.measured->accelerator_utilization, 0.47);
  EXPECT_NEAR(d.measured->residual, 0.03, 0.005);
  EXPECT_THAT(d.notes, Contains(AllOf(HasSubstr("divided by 10"), HasSubstr("on 1 accelerator"))));
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("points apart"))));
}

TEST(Proof, NeverFeedsItsOwnPrediction) {
  const auto without = machine().ask();
  const auto with = machine().proof(0.9).ask();
  EXPECT_EQ(without.utilization, with.utilization);
  EXPECT_EQ(without.verdict, with.verdict);
}

TEST(Proof, AResidualOverTenPointsAndAContradictionAreSaidAloud) {
  const auto d = machine().proof(0.95).ask();
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_THAT(d.notes, Contains(HasSubstr("45 points apart")));
  EXPECT_THAT(d.notes, Contains(HasSubstr("contradicts the verdict")));
}

TEST(Proof, AResidualOnTheSameSideIsNoContradiction) {
  const auto d = machine().proof(0.7).ask();
  EXPECT_THAT(d.notes, Contains(HasSubstr("points apart")));
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("contradicts"))));
}

TEST(Proof, IsPredictedWithItsOwnAcceleratorsNotTheVerdicts) {
  // The proof ran two accelerators: the drive gives each a quarter of its demand; the verdict is for one.
  const auto d = machine().proof(0.25, 10, 2).ask(1);
  EXPECT_NEAR(d.utilization, 0.5, 0.005);
  EXPECT_NEAR(d.measured->residual, 0, 0.01);
}

TEST(Proof, ByGpuDirectStorageStandsBesideItAndFeedsNothing) {
  Machine both = machine().proof(0.47);
  const auto staged = both.ask();
  for (const auto& [flag, words] : {std::pair{"gds-direct", "past host memory, as proven"},
                                    std::pair{"gds-compatibility", "in compatibility mode"},
                                    std::pair{"gds-path-unproven", "could not be proven"}}) {
    Machine with = both;
    with.proof(0.9);
    with.document.measurements.back().parameters["way"] = "direct";
    with.document.measurements.back().flags = {flag};
    const auto d = with.ask();
    EXPECT_EQ(d.measured->measurement, "m4");
    EXPECT_EQ(d.utilization, staged.utilization);
    EXPECT_THAT(d.notes, Contains(AllOf(HasSubstr("GPUDirect Storage instead (m5"), HasSubstr(words),
                                        HasSubstr("90 % of the time, staged 47 %"))));
  }
}

TEST(Proof, WithoutARunThereIsNone) { EXPECT_FALSE(machine().ask().measured); }

}  // namespace
}  // namespace millrace::diagnose
