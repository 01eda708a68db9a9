// SPDX-License-Identifier: Apache-2.0
#include "diagnose/evidence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing::Machine;
using testing::toy;

TEST(Evidence, ReadsAsTheModelReadsComeBeforeFasterOnesOfAnotherPattern) {
  Machine machine;
  machine.storage(9e9, 0, "").storage(1e9, 0, "toy").storage(5e9, 0, "other");
  const auto found = storage_evidence(machine.document, "toy");
  ASSERT_EQ(found.set.size(), 1u);
  EXPECT_EQ(found.set[0]->id, "m2");
  EXPECT_TRUE(found.as_model);
}

TEST(Evidence, AGeneralReadStandsInWithANote) {
  Machine machine;
  machine.storage(1e9, 0, "");
  EXPECT_FALSE(storage_evidence(machine.document, "toy").as_model);
  EXPECT_THAT(machine.ask().notes, Contains(HasSubstr("another access pattern")));
}

TEST(Evidence, DrivesReadTogetherAreOneSetAndTheSetThatMovedMostIsTaken) {
  Machine machine;
  machine.storage(2e9).storage(1.5e9).storage(1.4e9);
  machine.document.measurements[1].concurrent_with = {"m3"};
  machine.document.measurements[2].concurrent_with = {"m2"};
  EXPECT_EQ(storage_evidence(machine.document, "toy").set.size(), 2u);
  EXPECT_NEAR(machine.ask().ranking.at(0).available_bytes_per_s.value(), 2.9e9, 1);
}

TEST(Evidence, AReadBesideAnAggressorIsNoMeasureOfCapacity) {
  Machine machine;
  machine.storage(1e9).memory(9e9).storage(0.2e9);
  machine.document.measurements[0].concurrent_with = {"m2"};
  machine.document.measurements[1].concurrent_with = {"m1"};
  EXPECT_EQ(storage_evidence(machine.document, "toy").set.at(0)->id, "m3");
}

TEST(Evidence, ASyntheticRunWithoutComputeComesBeforeOneWith) {
  Machine machine;
  machine.stages(1e9, 2e9).stages(3e9, 4e9);
  machine.document.measurements[0].parameters["compute"] = 0.5;
  EXPECT_EQ(stage_evidence(machine.document, toy())->id, "m2");
}

TEST(Evidence, StagesWithAnotherPreparationAreNotTaken) {
  Machine machine;
  machine.stages(1e9, 2e9);
  machine.document.measurements[0].parameters["prep"] = std::string("checksum");
  EXPECT_EQ(stage_evidence(machine.document, toy()), nullptr);
}

TEST(Evidence, APreparationThatWasMeasuredInsteadOfTheWorkloadsIsSaid) {
  Machine machine;
  machine.storage(1e9).stages(1e9, 2e9);
  machine.document.measurements[1].parameters["prep"] = std::string("checksum");
  EXPECT_THAT(machine.ask().notes, Contains(HasSubstr("`--prep checksum`")));
  machine.stages(1e9, 2e9);
  machine.document.measurements[2].parameters["prep"] = std::string("normalize");
  EXPECT_EQ(other_preparation(machine.document, toy()), "");
}

TEST(Evidence, ACachedRunIsNoProof) {
  Machine machine;
  machine.proof(0.5);
  EXPECT_NE(proof_of(machine.document, toy()), nullptr);
  machine.document.measurements[0].parameters["source"] = std::string("cached");
  EXPECT_EQ(proof_of(machine.document, toy()), nullptr);
}

TEST(Evidence, NumbersAreReadWhateverTheirType) {
  record::Measurement m;
  m.parameters = {{"a", std::int64_t{3}}, {"b", 2.5}, {"c", std::string("x")}, {"d", true}};
  EXPECT_EQ(number(m, "a"), 3.0);
  EXPECT_EQ(number(m, "b"), 2.5);
  EXPECT_FALSE(number(m, "c") || number(m, "d") || number(m, "e"));
  EXPECT_EQ(text(m, "c"), "x");
}

}  // namespace
}  // namespace millrace::diagnose
