// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Machine;
using ::testing::Not;
using testing::toy;

// "memory bandwidth was not measured" and the like are notes; what the tests below need of all others is set.
Machine good() { return Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9); }

TEST(Verdict, StorageAtHalfTheDemandStarvesToHalfTheUtilization) {
  const auto d = good().storage(1e9, 1e7).ask();
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_NEAR(d.utilization, 0.5, 0.005);
  EXPECT_LT(d.utilization_ci95_low, 0.499);
  EXPECT_GT(d.utilization_ci95_high, 0.501);
  EXPECT_NEAR(d.step_predicted_s, 1.0, 0.01);
  EXPECT_NEAR(d.lost_input, 0.5, 0.005);
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "storage");
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre("drive:vda"));
  EXPECT_DOUBLE_EQ(d.bottlenecks[0].needed_bytes_per_s, 2e9);
  EXPECT_DOUBLE_EQ(d.bottlenecks[0].available_bytes_per_s, 1e9);
  EXPECT_THAT(d.bottlenecks[0].evidence, ElementsAre("m3"));
}

TEST(Verdict, WhatDecidesIsTheHopWhoseIntervalReachesLowest) {
  // Storage is used most, and known well; memory's repeats are all over the place.
  Machine machine = Machine().limit("pcie:1:read", 50e9).stages(4e9, 4e9).storage(2.2e9, 1e6);
  record::Measurement& memory = machine.add("memory.copy", "", 10e9, 4.5e9);
  memory.path = {{"memory_controller:0", 2}};
  const auto d = machine.ask();
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.undecided, HasSubstr("more repeats of " + memory.id));
}

TEST(Verdict, TheNetworkToTheStorageIsAHopWhereALinkWasMeasuredAsThat) {
  Machine machine = good().storage(6e9, 1e7);
  EXPECT_EQ(machine.ask().verdict, "fed");
  record::Measurement& link = machine.add("tcp.stream", "storage", 1e9, 1e7);
  link.from = "nic:eth0";
  const auto d = machine.ask();
  EXPECT_EQ(d.verdict, "starved");
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "network");
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre("nic:eth0"));
  EXPECT_DOUBLE_EQ(d.bottlenecks[0].available_bytes_per_s, 1e9);
  EXPECT_THAT(d.sentence, HasSubstr("starved by the network to the storage"));
  // What goes the other way, records do not cross, be it as slow as it may.
  record::Measurement& away = machine.add("tcp.stream", "storage", 0.5e9, 1e7);
  away.parameters["direction"] = std::string("send");
  EXPECT_DOUBLE_EQ(machine.ask().bottlenecks.at(0).available_bytes_per_s, 1e9);
  machine.document.measurements.pop_back();
  // Any other link is nothing that records cross.
  machine.document.measurements.back().label = "";
  EXPECT_EQ(machine.ask().verdict, "fed");
}

TEST(Verdict, SlowPreparationIsNamedAndTheDriveIsNot) {
  const auto d =
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(0.8e9, 40e9).storage(6e9, 1e7).ask();
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_NEAR(d.utilization, 0.4, 0.005);
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "cpu");
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre("cpu:prep"));
}

TEST(Verdict, ASlowCopyIsNamed) {
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 1e9).storage(6e9).ask();
  EXPECT_EQ(d.verdict, "starved");
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "copy");
}

TEST(Verdict, MemoryBindsByItsTrafficNotByTheRecordBytes) {
  // Normalizing into a stand-in: written by DMA 1, read and written 2, copied 2. 2.5 GB/s copied = 5 GB/s of
  // traffic = 1 GB/s of records, and the stages alone moved no more than 4/5 of that.
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(2.5e9).stages(1.2e9, 1.2e9).storage(6e9).ask();
  ASSERT_FALSE(d.bottlenecks.empty());
  EXPECT_EQ(d.bottlenecks[0].kind, "memory");
  EXPECT_NEAR(d.bottlenecks[0].available_bytes_per_s, 1e9, 1);
  EXPECT_EQ(d.ranking.at(0).name, "memory, 5 × per byte (5 GB/s in all)");
}

TEST(Verdict, StagesThatMovedMoreThanMemoryCopyDidAreTheBetterWitnessOfMemory) {
  const auto d = Machine().limit("pcie:1:read", 50e9).memory(2.5e9).stages(10e9, 10e9).storage(6e9).ask();
  EXPECT_EQ(d.verdict, "fed") << d.sentence;  // 10 GB/s × 4 crossings = 40 GB/s of traffic, over 5
}

TEST(Verdict, AllCpuWorkTogetherIsHeldAgainstTheCores) {
  // 4 ns a byte and 2 hardware threads: 0.5 GB/s.
  Machine machine =
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9, 0, 4e-9).storage(6e9);
  machine.document.hosts[0].cpu.threads = 2;
  const auto d = machine.ask();
  ASSERT_FALSE(d.bottlenecks.empty());
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre("cpu:cores"));
  EXPECT_NEAR(d.utilization, 0.25, 0.005);
  EXPECT_EQ(d.ranking.at(0).name, "CPU, if all 2 threads did only this");
}

TEST(Verdict, ReadingsCpuSecondsCountToo) {
  Machine machine =
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(20e9, 40e9, 0, 1e-9).storage(6e9);
  machine.document.hosts[0].cpu.threads = 2;
  machine.document.measurements.back().counters = {{"worker:user_s", 6.0 * 6}, {"worker:system_s", 12.0 * 6}};
  const auto d = machine.ask();  // 1 + 3 ns a byte over 2 threads
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("cpu:cores"));
  EXPECT_NEAR(d.bottlenecks.at(0).available_bytes_per_s, 0.5e9, 1e3);
}

TEST(Verdict, EnoughOfEverythingIsFedAndComputeBinds) {
  const auto d = good().storage(6e9, 1e8).ask();
  EXPECT_EQ(d.verdict, "fed");
  EXPECT_NEAR(d.utilization, 1.0, 1e-6);
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "compute");
  EXPECT_THAT(d.relief, IsEmpty());
  EXPECT_EQ(d.ranking[0].resource, "drive:vda");
  EXPECT_NEAR(d.ranking[0].utilization, 1.0 / 3, 1e-9);
}

TEST(Verdict, FlipsBetweenAQuarterAboveAndAQuarterBelowWhatTheWantedUtilizationNeeds) {
  const double needed = 0.9 * 2e9;
  EXPECT_EQ(good().storage(1.25 * needed, 0.01 * needed).ask().verdict, "fed");
  EXPECT_EQ(good().storage(0.75 * needed, 0.01 * needed).ask().verdict, "starved");
}

TEST(Verdict, JustAboveAndJustBelowTheThresholdFlipWhenTheMeasurementIsExact) {
  const double needed = 0.9 * 2e9;
  EXPECT_EQ(good().storage(1.01 * needed).ask().verdict, "fed");
  EXPECT_EQ(good().storage(0.99 * needed).ask().verdict, "starved");
}

TEST(Verdict, IsInconclusiveWhenTheIntervalStraddlesWhatIsWantedAndSaysWhatDecides) {
  const auto d = good().storage(1.8e9, 5e7).ask();
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_LT(d.utilization_ci95_low, 0.9);
  EXPECT_GT(d.utilization_ci95_high, 0.9);
  EXPECT_THAT(d.undecided, HasSubstr("more repeats of m3"));
  EXPECT_THAT(d.undecided, HasSubstr("millrace run --for toy-x1"));
}

TEST(Verdict, TheIntervalWidensWithTheSpreadOfTheRepeats) {
  double before = 0;
  for (double spread : {1e6, 1e7, 4e7}) {
    const auto d = good().storage(1e9, spread).ask();
    const double width = d.utilization_ci95_high - d.utilization_ci95_low;
    EXPECT_GT(width, before);
    before = width;
  }
}

TEST(Verdict, OneRepeatTakesTheIntervalWithinIt) {
  Machine machine = good().storage(1e9, 0);
  record::Measurement& m = machine.document.measurements.back();
  m.repeats.resize(1);
  m.throughput_bytes_per_s = testing::about(1e9, 1e8);
  const auto d = machine.ask();
  EXPECT_NEAR(d.utilization_ci95_low, 0.45, 0.02);
  EXPECT_NEAR(d.utilization_ci95_high, 0.55, 0.02);
}

TEST(Verdict, TwoHopsWhoseIntervalsOverlapAreBothNamed) {
  const auto d =
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(1.02e9, 40e9, 2e7).storage(1e9, 2e7).ask();
  ASSERT_EQ(d.bottlenecks.size(), 2u);
  EXPECT_EQ(d.bottlenecks[0].kind, "storage");
  EXPECT_EQ(d.bottlenecks[1].kind, "cpu");
  EXPECT_THAT(d.sentence, HasSubstr("storage or preparation on the CPU (too close to tell)"));
  EXPECT_THAT(d.notes, Contains(HasSubstr("overlap")));
}

TEST(Verdict, ADriveAndALinkOfUnknownLimitAreOneClass) {
  const auto d = Machine().memory(100e9).stages(20e9, 40e9).storage(1e9).ask();
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("drive:vda", "pcie:1:read"));
  EXPECT_THAT(d.notes, Contains(HasSubstr("second drive behind the same link")));
}

TEST(Verdict, ALinkWhoseLimitIsWellAboveIsNotNamedWithTheDrive) {
  const auto d = Machine().limit("pcie:1:read", 3.9e9).memory(100e9).stages(20e9, 40e9).storage(1e9).ask();
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("drive:vda"));
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("cannot be told apart"))));
}

TEST(Verdict, ALinkThatIsNearlyFullIsInTheClass) {
  const auto d = Machine().limit("pcie:1:read", 1.05e9).memory(100e9).stages(20e9, 40e9).storage(1e9).ask();
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("drive:vda", "pcie:1:read"));
}

TEST(Verdict, ARateAboveALimitDiscreditsTheLimit) {
  const auto d = Machine().limit("pcie:1:read", 0.5e9).memory(100e9).stages(20e9, 40e9).storage(1e9).ask();
  EXPECT_NEAR(d.utilization, 0.5, 0.005);  // not 0.25
  EXPECT_THAT(d.notes, Contains(HasSubstr("discredited")));
  for (const auto& hop : d.ranking) EXPECT_FALSE(hop.limit_bytes_per_s.has_value()) << hop.resource;
}

TEST(Verdict, AcceleratorsShareTheDriveButNotTheirOwnPreparation) {
  Machine machine = Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(3e9, 40e9).storage(4e9);
  EXPECT_EQ(machine.ask(1).verdict, "fed");
  const auto d = machine.ask(4);  // 8 GB/s are needed of 4; preparation has 3 of 2 for each
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_NEAR(d.utilization, 0.5, 0.005);
  EXPECT_EQ(d.bottlenecks.at(0).kind, "storage");
  EXPECT_DOUBLE_EQ(d.bottlenecks.at(0).needed_bytes_per_s, 8e9);
  for (const auto& hop : d.ranking) {
    if (hop.resource == "cpu:prep") {
      EXPECT_NEAR(*hop.available_bytes_per_s, 12e9, 1);
    }
  }
}

TEST(Verdict, AHopThatIsHardlyUsedIsNoTieHoweverPoorlyItIsKnown) {
  const auto d =
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(3e9, 40e9, 2.5e9).storage(1e9, 1e6).ask();
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "storage");
}

TEST(Verdict, AnotherCountOfReadersThanTheWorkloadHasIsSaid) {
  Machine machine = good().storage(4e9);
  machine.document.measurements.back().parameters["threads"] = std::int64_t{4};
  EXPECT_THAT(machine.ask(1).notes, Not(Contains(HasSubstr("reader threads"))));
  EXPECT_THAT(machine.ask(4).notes,
              Contains("storage was measured with 4 reader threads; the workload on 4 accelerators has 16"));
}

TEST(Verdict, AHopThatWouldRarelyBindFirstIsNoTieHoweverWideItsInterval) {
  // Preparation at 3 GB/s, known to ± 2.5 GB/s only; the drive at 1 GB/s.
  const auto d =
      Machine().limit("pcie:1:read", 50e9).memory(100e9).stages(3e9, 40e9, 1e9).storage(1e9, 1e6).ask();
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].kind, "storage");
}

TEST(Verdict, AHopThatWasNotMeasuredKeepsFedFromBeingSaid) {
  const auto d = Machine().limit("pcie:1:read", 50e9).storage(6e9).ask();
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.undecided, HasSubstr("preparation on the CPU"));
  EXPECT_THAT(d.notes, Contains(HasSubstr("is left out")));
}

TEST(Verdict, ASlowDriveStarvesWhateverElseIsUnknown) {
  const auto d = Machine().limit("pcie:1:read", 50e9).storage(1e9).ask();
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_EQ(d.bottlenecks.at(0).kind, "storage");
}

TEST(Verdict, FromLimitsAloneAStarvationIsCertainAndPlentyIsOpen) {
  const auto narrow = Machine().limit("pcie:1:read", 1e9).ask();
  EXPECT_EQ(narrow.verdict, "starved");
  EXPECT_NEAR(narrow.utilization, 0.5, 0.005);
  EXPECT_EQ(narrow.bottlenecks.at(0).kind, "pcie");
  EXPECT_THAT(narrow.sentence, HasSubstr("nothing was measured"));
  const auto wide = Machine().limit("pcie:1:read", 8e9).ask();
  EXPECT_EQ(wide.verdict, "inconclusive");
  EXPECT_THAT(wide.notes, Contains("from limits alone, nothing was measured"));
}

TEST(Verdict, WithNothingKnownItIsInconclusiveAndSaysWhatToMeasure) {
  record::Document empty;
  const auto d = diagnose(empty, {toy(), 1, {}});
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_EQ(d.utilization_ci95_low, 0);
  EXPECT_EQ(d.utilization_ci95_high, 1);
  EXPECT_THAT(d.bottlenecks, IsEmpty());
  EXPECT_THAT(d.undecided, HasSubstr("millrace run --for toy-x1"));
}

TEST(Verdict, TheUsersWantedUtilizationReplacesTheProfiles) {
  Machine machine = good().storage(1.6e9, 1e6);
  EXPECT_EQ(machine.ask().verdict, "starved");
  const auto lax = diagnose(machine.document, {toy(), 1, 0.7});
  EXPECT_EQ(lax.verdict, "fed");
  EXPECT_EQ(lax.bottlenecks.at(0).kind, "storage");  // it costs a fifth, though that is enough
}

TEST(Verdict, AFailedMeasurementIsNoEvidence) {
  Machine machine = good().storage(6e9);
  machine.document.measurements.back().status = "failed";
  EXPECT_EQ(machine.ask().verdict, "inconclusive");
}

}  // namespace
}  // namespace millrace::diagnose
