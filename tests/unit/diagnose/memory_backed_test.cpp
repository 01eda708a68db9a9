// SPDX-License-Identifier: Apache-2.0
// Data that lie in memory themselves: reading them copies, and that crosses the memory that all else crosses.
#include "diagnose/memory_backed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "diagnose/demand.hpp"
#include "diagnose/explanation.hpp"
#include "explanation_sums.hpp"
#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::Machine;
using ::testing::Not;

std::string memory_hop_of(const record::Diagnosis& d) {
  for (const record::RankedHop& hop : d.ranking)
    if (hop.name.starts_with("memory, ")) return hop.name;
  return {};
}

// Nothing else is near its limit. Memory copies 20 GB/s, so 40 GB/s cross it.
Machine bound_by_memory() {
  return Machine().limit("pcie:1:read", 50e9).memory(20e9).stages(8e9, 8e9).storage(30e9);
}

record::Measurement& reading_of(Machine& machine) { return machine.document.measurements.back(); }

TEST(MemoryBacked, AByteIsReadByOneCrossingFromADriveAndByThreeFromMemory) {
  EXPECT_EQ(memory_crossings("none", true, 0).total(), 1 + 2);
  EXPECT_EQ(memory_crossings("none", true, 1).total(), 3 + 2);
  EXPECT_EQ(memory_crossings("checksum", false, 1).total(), 3 + 1 + 1);
  EXPECT_EQ(memory_crossings("none", true, 0.25).reading, 1.5);
}

TEST(MemoryBacked, DataOnADriveAreReadByDma) {
  const auto d = bound_by_memory().ask();
  EXPECT_EQ(memory_hop_of(d), "memory, 5 × per byte (40 GB/s in all)");
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("lie in memory"))));
}

TEST(MemoryBacked, FilesOnATmpfsAreCopiedOutOfMemory) {
  Machine machine = bound_by_memory();
  reading_of(machine).from = "memory:0";
  reading_of(machine).path.clear();
  const auto d = machine.ask(4);  // 8 GB/s, of the 5.71 that 40 over 7 crossings are
  EXPECT_EQ(memory_hop_of(d), "memory, 7 × per byte (40 GB/s in all)");
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_EQ(d.bottlenecks.at(0).kind, "memory");
  EXPECT_NEAR(d.bottlenecks.at(0).available_bytes_per_s, 40e9 / 7, 1);
  EXPECT_THAT(d.notes, Contains(HasSubstr("the data lie in memory (tmpfs, or a loop device over it)")));
  std::vector<std::string> sums, claims;
  for (const auto& step : d.explanation) sums.push_back(step.arithmetic), claims.push_back(step.claim);
  EXPECT_THAT(sums, Contains("3 + 2 + 2 = 7"));
  EXPECT_THAT(sums, Contains("20 GB/s × 2 ÷ 7 = 5.714 GB/s"));
  EXPECT_THAT(claims, Contains(AllOf(HasSubstr("its page is read"), HasSubstr("a drive's DMA"))));
  expect_sums(d);
}

TEST(MemoryBacked, SoAreThoseOfALoopDeviceOverAFileThere) {
  Machine machine = bound_by_memory();
  machine.document.topology.endpoints[0].backing = "memory";
  EXPECT_EQ(memory_hop_of(machine.ask()), "memory, 7 × per byte (40 GB/s in all)");
}

// On the drive and on a loop device over memory, read at once, the drive three times as fast.
Machine spread_over_drive_and_memory() {
  Machine machine = bound_by_memory();
  auto& endpoints = machine.document.topology.endpoints;
  endpoints.push_back({"storage:loop0", "storage", "loop0", 0, 0, "", ""});
  endpoints.back().backing = "memory";
  machine.storage(10e9);
  record::Measurement& other = reading_of(machine);
  other.from = "storage:loop0";
  other.path = {{"drive:loop0", 1}, {"memory_controller:0", 1}};
  auto& all = machine.document.measurements;
  other.concurrent_with = {all[all.size() - 2].id};
  all[all.size() - 2].concurrent_with = {other.id};
  return machine;
}

TEST(MemoryBacked, OfSeveralFoldersThePartThatLiesThereCounts) {
  const Machine machine = spread_over_drive_and_memory();
  const StorageEvidence storage = storage_evidence(machine.document, "toy");
  EXPECT_NEAR(share_of_data_in_memory(machine.document, storage), 0.25, 1e-12);
  const auto d = machine.ask();
  std::vector<std::string> sums;
  for (const auto& step : d.explanation) sums.push_back(step.arithmetic);
  EXPECT_THAT(sums, Contains("25 % × 3 + 75 % × 1 = 1.5"));
  EXPECT_THAT(d.notes, Contains(HasSubstr("25 % of the data lies in memory")));
  EXPECT_THAT(memory_hop_of(d), HasSubstr("memory, 5.5 × per byte"));
  expect_sums(d);
}

TEST(MemoryBacked, WhereItIsKnownHowMuchLiesWhereThatCountsAndNotWhatMoved) {
  Machine machine = spread_over_drive_and_memory();
  for (const char* from : {"storage:vda", "storage:loop0"}) {  // each alone: as much lies here as there
    machine.storage(30e9);
    reading_of(machine).from = from;
    reading_of(machine).metrics["dataset_bytes"].mean = 1e9;
  }
  const StorageEvidence storage = storage_evidence(machine.document, "toy");
  EXPECT_NEAR(share_of_data_in_memory(machine.document, storage), 0.5, 1e-12);
}

// What runs on 8 of 16 CPUs of a Xeon saw, their data on a tmpfs: alone, and twice beside neighbours that
// copied on the other 8. A step of an accelerator is 8 records of 4 MB. With the crossings of a drive's data
// the predictions were 28, 38 and 13 points too high.
struct Saturated {
  int accelerators;
  double compute_s, copied, read, staged, copy_busy, measured_utilization;
};
void PrintTo(const Saturated& seen, std::ostream* out) { *out << seen.measured_utilization; }
class MemoryBackedSaturated : public ::testing::TestWithParam<Saturated> {};

TEST_P(MemoryBackedSaturated, TheUtilizationIsPredictedWithinTenPoints) {
  const Saturated& seen = GetParam();
  workload::Profile profile = testing::toy();
  profile.input.prep = "none";
  profile.input.batch_samples = 8;
  profile.input.record_bytes = 4e6;
  profile.compute_s = seen.compute_s;
  Machine machine;
  machine.memory(seen.copied).stages(seen.staged, seen.staged / seen.copy_busy).storage(seen.read);
  reading_of(machine).from = "memory:0";
  reading_of(machine).path.clear();
  record::Measurement& stages = machine.document.measurements[1];
  stages.parameters["accelerators"] = std::int64_t{seen.accelerators};
  stages.stages.erase(stages.stages.begin());
  stages.stages[0].busy_share = seen.copy_busy;
  stages.stages[0].threads = seen.accelerators;
  const auto d = machine.ask(seen.accelerators, profile);
  EXPECT_NEAR(d.utilization, seen.measured_utilization, 0.1);
}

INSTANTIATE_TEST_SUITE_P(OnAXeon, MemoryBackedSaturated,
                         ::testing::Values(Saturated{4, 0.005, 50.92e9, 51.66e9, 38.18e9, 0.961, 0.719},
                                           Saturated{4, 0.005, 31.82e9, 29.05e9, 22.08e9, 0.953, 0.449},
                                           Saturated{2, 0.0025, 29.79e9, 30.00e9, 12.94e9, 0.978, 0.384}));

}  // namespace
}  // namespace millrace::diagnose
