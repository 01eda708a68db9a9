// SPDX-License-Identifier: Apache-2.0
// Diagnoses of jobs on small fabrics, by plain arithmetic.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "diagnose/explanation.hpp"
#include "diagnose/fabric/diagnose.hpp"
#include "fabric/generate.hpp"
#include "workload/mix.hpp"

namespace millrace::diagnose {
namespace {

using fabric::Fabric;
using fabric::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using workload::Pattern;
using workload::Purpose;

constexpr double kGB = 1e9;

// Two leaves of two hosts of two GPUs; a leaf has 2 uplinks of 50 GB/s, a storage server on the spines reads
// 100 GB/s.
Fabric small() {
  Fabric fabric;
  fabric.gpus_per_host = fabric.nics_per_host = 2;
  fabric.kinds = {{"host", 4, 400 * kGB, 60 * kGB, 50 * kGB, {}, {}}};
  fabric.leaf = {2, 2, 50 * kGB};
  fabric.spine = fabric::Spine{2, 2, 0, {}};
  fabric.storage = fabric::Storage{1, 100 * kGB, 50 * kGB, 8, 50 * kGB, fabric::Tier::kSpine};
  return fabric;
}

workload::Traffic ring(double bytes, bool overlaps = true) {  // a GPU of each host: all leaves the host
  return {"gradients", Pattern::kRing, Purpose::kCollective, bytes, 4, 2, overlaps};
}
workload::Traffic reading(double bytes) {
  return {"records", Pattern::kRead, Purpose::kInput, bytes, 1, 1, true};
}

FabricJob job(double compute_s, std::vector<workload::Traffic> traffic, double wanted = 0.9) {
  FabricJob one;
  one.workload = "toy-x1";
  one.model = "toy";
  one.accelerator = "x1";
  one.utilization_wanted = wanted;
  one.step = {compute_s, 8, std::move(traffic)};
  return one;
}

record::Diagnosis one(const Fabric& fabric, FabricJob what) {
  return diagnose(fabric, std::vector{std::move(what)}).front();
}

// Each of 8 GPUs reads 25 GB a step: 200 GB by a server of 100 GB/s take 2 s, twice as long as computing.
TEST(FabricDiagnosis, StorageTooSlowStarvesTheJobAndIsNamed) {
  const auto d = one(small(), job(1, {reading(25 * kGB)}));
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_DOUBLE_EQ(d.step_predicted_s, 2);
  EXPECT_DOUBLE_EQ(d.utilization, 0.5);
  EXPECT_DOUBLE_EQ(d.lost_input, 0.5);
  EXPECT_DOUBLE_EQ(d.lost_collective, 0);
  ASSERT_EQ(d.bottlenecks.size(), 1U);
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre("storage-read[0]"));
  EXPECT_DOUBLE_EQ(d.bottlenecks[0].needed_bytes_per_s, 200 * kGB);
  EXPECT_DOUBLE_EQ(d.bottlenecks[0].available_bytes_per_s, 100 * kGB);
  EXPECT_THAT(d.sentence,
              HasSubstr("starved by storage server (reading): can carry at most 100 GB/s where 200 GB/s"));
  EXPECT_THAT(d.sentence, HasSubstr("From limits alone"));
}

// For 90 % of 1 s a step may take 1.111 s: the server 1.8 times as fast. Then the leaf's downlinks: 100 GB by
// 2 × 50 GB/s take 1 s, just as long as computing.
TEST(FabricDiagnosis, ReliefIsSolvedAgain) {
  const auto d = one(small(), job(1, {reading(25 * kGB)}));
  ASSERT_EQ(d.relief.size(), 1U);
  EXPECT_EQ(d.relief[0].resource, "storage-read[0]");
  EXPECT_NEAR(d.relief[0].factor, 1.8, 1e-9);
  EXPECT_NEAR(d.relief[0].accelerator_utilization, 0.9, 1e-9);
  // 99 % need the server 1.98 times as fast.
  const auto more =
      one(small(), job(1, {reading(50 * kGB)}));  // 4 s by the server, 2 s by the leaves' uplinks
  ASSERT_EQ(more.relief.size(), 2U);
  EXPECT_NEAR(more.relief[0].factor, 3.6, 1e-9);
  EXPECT_EQ(more.relief[0].next_bottleneck, "leaf-down[0-3]");
  EXPECT_NEAR(more.relief[0].accelerator_utilization, 0.5, 1e-9);
  EXPECT_EQ(more.relief[1].resource, "leaf-down[0-3]");
  EXPECT_NEAR(more.relief[1].accelerator_utilization, 0.9, 1e-9);
}

// Two rings, 30 GB each, cross each leaf: 60 GB by 2 uplinks of 50 GB/s take 0.6 s. Waited for: 1.6 s a step.
TEST(FabricDiagnosis, WhatIsWaitedForIsAddedAndWhatOverlapsIsNot) {
  const auto hidden = one(small(), job(1, {ring(30 * kGB)}));
  EXPECT_DOUBLE_EQ(hidden.step_predicted_s, 1);
  EXPECT_EQ(hidden.verdict, "inconclusive");  // limits promise nothing
  const auto waited = one(small(), job(1, {ring(30 * kGB, false)}));
  EXPECT_DOUBLE_EQ(waited.step_predicted_s, 1.6);
  EXPECT_DOUBLE_EQ(waited.lost_collective, 0.375);
  EXPECT_EQ(waited.verdict, "starved");
  EXPECT_THAT(waited.sentence, HasSubstr("each step waits 600 ms for gradients"));
}

// NIC: 30 GB of 50 GB/s; the leaf's uplinks 60 of 100: all as busy, both directions.
TEST(FabricDiagnosis, ATieIsNamedAsOneAndAlikeLinksAreOneClass) {
  const auto d = one(small(), job(0.1, {ring(30 * kGB)}));
  EXPECT_THAT(d.sentence,
              HasSubstr("NICs (both directions, 8 alike) and leaf uplinks (both directions, 4 alike)"));
  EXPECT_EQ(d.bottlenecks.size(), 4U);
  ASSERT_GE(d.relief.size(), 1U);
  EXPECT_EQ(d.relief[0].resource, "nic-up[0-7] + nic-down[0-7] + leaf-up[0-3] + leaf-down[0-3]");
}

// 2 s of reading hidden behind 1 s of computing, and 0.6 s waited for: reading twice as fast is all that
// helps, however much is wanted.
TEST(FabricDiagnosis, WhatOverlapsIsMendedNoFurtherThanComputing) {
  const auto d = one(small(), job(1, {reading(25 * kGB), ring(30 * kGB, false)}));
  EXPECT_DOUBLE_EQ(d.step_predicted_s, 2.6);
  ASSERT_GE(d.relief.size(), 2U);
  EXPECT_NEAR(d.relief[0].factor, 2, 1e-9);
  EXPECT_NEAR(d.relief[0].accelerator_utilization, 1 / 1.6, 1e-9);
  EXPECT_EQ(d.relief[1].resource, "nic-up[0-7] + nic-down[0-7] + leaf-up[0-3] + leaf-down[0-3]");
}

// Four hosts of 2 GPUs and two of 4 with 8 NICs behind them: a job sits on one or the other.
TEST(FabricDiagnosis, JobsSitOnHostsThatAreAlikeWhereTheyFindRoom) {
  Fabric fabric = small();
  fabric.kinds.push_back({"large", 2, 400 * kGB, 60 * kGB, 25 * kGB, {}, {}});
  fabric.kinds.back().gpus = 4;
  fabric.kinds.back().nics = 8;
  fabric.spine->groups = 3;
  ASSERT_FALSE(fabric::misfit_of(fabric));
  const auto profile = [](const char* name) { return workload::load(name)->front(); };
  const auto alone = jobs_on(fabric, profile("unet3d-h100"), 0, {});
  ASSERT_TRUE(alone) << alone.error().what;
  EXPECT_EQ(alone->front().step.ranks, 8);
  EXPECT_EQ(alone->front().first_host, 0);
  EXPECT_THAT(alone->front().notes,
              ElementsAre(HasSubstr("8 of the fabric's 16 accelerators have no part in it")));
  const auto large = jobs_on(fabric, profile("unet3d-h100"), 9, {});
  EXPECT_THAT(large.error().what, HasSubstr("the fabric's are 4 hosts of 2 GPUs and 2 of 4 with 8 NICs"));
  EXPECT_THAT(large.error().hint, HasSubstr("give 8 at most"));

  workload::Profile mix;
  mix.name = "both";
  mix.kind = workload::Kind::kMix;
  mix.mix.parts = {{"unet3d-h100", 0.5}, {"resnet50-h100", 0.5}};
  const auto both = jobs_on(fabric, mix, 0, {});
  ASSERT_TRUE(both) << both.error().what;
  EXPECT_EQ(both->at(0).first_host, 0);
  EXPECT_EQ(both->at(1).first_host, 4);
  mix.mix.parts = {{"unet3d-h100", 0.4}, {"resnet50-h100", 0.6}};  // 6 on three hosts, and no room for 9
  EXPECT_THAT(jobs_on(fabric, mix, 0, {}).error().what,
              HasSubstr("the 9 GPUs of resnet50-h100 find no room"));

  // On the large ones a GPU sends by two NICs of 25 GB/s: 30 GB take 0.6 s, and its uplinks carry 4 × 30 of
  // 100.
  fabric.leaf.uplink = 1000 * kGB;
  FabricJob there = job(0.1, {{"gradients", Pattern::kRing, Purpose::kCollective, 30 * kGB, 2, 4, true}});
  there.first_host = 4;
  const auto d = one(fabric, there);
  EXPECT_DOUBLE_EQ(d.step_predicted_s, 0.6);
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("nic-up[8-23]"));
}

// 40 GB of gradients and 20 GB of records by a NIC of 50 GB/s: 1.2 s of 1 s. With storage on NICs of its own,
// 40 GB a host by one of 50 GB/s, each takes 0.8 s, and both fit.
TEST(FabricDiagnosis, StorageOnANetworkOfItsOwnDoesNotTakeFromTheTrafficAmongGpus) {
  Fabric fabric = small();
  fabric.leaf.uplink = fabric.storage->read = fabric.storage->link = 1000 * kGB;
  const auto together = one(fabric, job(1, {ring(40 * kGB), reading(20 * kGB)}));
  EXPECT_DOUBLE_EQ(together.step_predicted_s, 1.2);
  fabric.storage->network = fabric::StorageNetwork{1, {4, 0, {}}, {}, {}};
  fabric.storage->attached_to = fabric::Tier::kLeaf;
  fabric.kinds.front().storage_nic = 50 * kGB;
  EXPECT_DOUBLE_EQ(one(fabric, job(1, {ring(40 * kGB), reading(20 * kGB)})).step_predicted_s, 1);
  fabric.kinds.front().storage_nic = 20 * kGB;  // 2 s for 40 GB
  const auto slow = one(fabric, job(1, {ring(40 * kGB), reading(20 * kGB)}));
  EXPECT_DOUBLE_EQ(slow.step_predicted_s, 2);
  EXPECT_THAT(slow.bottlenecks.at(0).resources, ElementsAre("storage-nic-down[0-3]"));
  EXPECT_THAT(slow.sentence, HasSubstr("storage NICs (receiving, 4 alike)"));
  ASSERT_EQ(slow.relief.size(), 1U);
  EXPECT_EQ(slow.relief[0].resource, "storage-nic-down[0-3]");
  EXPECT_NEAR(slow.relief[0].factor, 1.8, 1e-9);
  // Written are 30 GB a host besides, 1.5 s the other way: the same NICs, mended with them.
  const workload::Traffic writing{"state", Pattern::kWrite, Purpose::kCheckpoint, 15 * kGB, 1, 1, true};
  fabric.storage->write = 1000 * kGB;
  const auto both = one(fabric, job(1, {reading(20 * kGB), writing}));
  ASSERT_EQ(both.relief.size(), 1U);
  EXPECT_THAT(both.relief[0].resource, HasSubstr("storage-nic-up[0-3]"));
  EXPECT_THAT(both.relief[0].resource, HasSubstr("storage-nic-down[0-3]"));
}

// A measured direction and one that is not are the same links: they are mended together.
TEST(FabricDiagnosis, BothDirectionsOfALinkAreMendedTogether) {
  Fabric fabric = small();
  fabric.leaf.uplink = 400 * kGB;
  fabric.overrides = {{Kind::kNicUp, 0, 7, {}, fabric::Measured{25 * kGB, 25 * kGB, 25 * kGB}, "m"}};
  const auto d = one(fabric, job(1, {ring(60 * kGB)}));  // 2.4 s by 25 GB/s, 1.2 s by 50 GB/s
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("nic-up[0-7]"));
  ASSERT_EQ(d.relief.size(), 1U);
  EXPECT_EQ(d.relief[0].resource, "nic-up[0-7] + nic-down[0-7]");
  EXPECT_NEAR(d.relief[0].factor, 2.2, 1e-9);
}

// One of leaf 1's uplinks at half rate holds both back, since paths share evenly: 60 GB by 2 × 25 GB/s
// take 1.2 s.
TEST(FabricDiagnosis, AHalfRateUplinkIsFoundAmongTheOthers) {
  Fabric fabric = small();
  fabric.overrides = {{Kind::kLeafUp, 2, 2, 25 * kGB, {}, "trained down"}};
  const auto d = one(fabric, job(1, {ring(30 * kGB)}));
  EXPECT_DOUBLE_EQ(d.step_predicted_s, 1.2);
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("leaf-up[2]"));
  EXPECT_EQ(d.bottlenecks.size(), 1U);
  EXPECT_THAT(d.sentence, HasSubstr("leaf uplink 2 (upwards; trained down)"));
}

Fabric measured(double nic_low, double nic_high) {
  Fabric fabric = small();
  fabric.kinds.front().pcie = 240 * kGB;  // half of it would do
  const auto measure = [&](Kind kind, double low, double high) {
    fabric.overrides.push_back({kind,
                                0,
                                fabric.count(kind) - 1,
                                {},
                                fabric::Measured{(low + high) / 2 * kGB, low * kGB, high * kGB},
                                "m"});
  };
  for (const Kind kind : {Kind::kNicUp, Kind::kNicDown}) measure(kind, nic_low, nic_high);
  for (const Kind kind : {Kind::kLeafUp, Kind::kLeafDown}) measure(kind, 46, 47);
  return fabric;
}

// 40 GB a NIC by 44 to 46 GB/s: below 0.91 s, hidden behind 1 s. PCIe, unmeasured, would do at half its limit
// too.
TEST(FabricDiagnosis, WhatIsMeasuredAndSufficesIsFed) {
  const auto d = one(measured(44, 46), job(2, {ring(40 * kGB)}));
  EXPECT_EQ(d.verdict, "fed");
  EXPECT_DOUBLE_EQ(d.utilization_ci95_low, 1);
  EXPECT_THAT(d.sentence, Not(HasSubstr("limits alone")));
}

// 100 GB a NIC by 40 to 50 GB/s take 2 to 2.5 s: 80 to 100 % of 2 s, which is on both sides of 90 %.
TEST(FabricDiagnosis, AnIntervalOnBothSidesIsTooCloseToCall) {
  const auto d = one(measured(40, 50), job(2, {ring(100 * kGB)}));
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_NEAR(d.utilization_ci95_low, 0.8, 1e-9);
  EXPECT_THAT(d.undecided, HasSubstr("more repeats"));
  // The uplinks, 46 to 47 GB/s, may be what binds as well as the NICs, 40 to 50.
  EXPECT_THAT(d.notes, ::testing::Contains(HasSubstr("overlap")));
}

TEST(FabricDiagnosis, WhatIsUnknownIsLeftOutAndSaid) {
  Fabric fabric = small();
  fabric.storage->read.reset();
  const auto d = one(fabric, job(1, {reading(1 * kGB)}));
  EXPECT_EQ(d.verdict, "inconclusive");
  EXPECT_THAT(d.notes, ::testing::Contains(HasSubstr("storage server (reading): neither measured")));
  EXPECT_THAT(d.undecided, HasSubstr("storage server"));
}

// Two jobs of four ranks read 25 GB a rank: alone a step takes the server 1 s, together 2 s.
TEST(FabricDiagnosis, TwoJobsShareWhatTheyBothCross) {
  FabricJob first = job(0.5, {reading(25 * kGB)}), second = first;
  first.step.ranks = second.step.ranks = 4;
  second.first_host = 2;
  const auto both = diagnose(small(), std::vector{first, second});
  for (const auto& d : both) {
    EXPECT_NEAR(d.step_predicted_s, 2, 1e-9);
    EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("storage-read[0]"));
    EXPECT_NEAR(d.lost_input, 0.75, 1e-9);
    EXPECT_THAT(d.sentence, HasSubstr("which all jobs together fill"));
  }
  EXPECT_NEAR(diagnose(small(), std::vector{first}).front().step_predicted_s, 1, 1e-9);
}

TEST(FabricDiagnosis, EveryLineOfTheSumHolds) {
  for (const auto& d : {one(small(), job(1, {reading(25 * kGB), ring(30 * kGB, false)})),
                        one(small(), job(0.1, {ring(30 * kGB)}))}) {
    int sums = 0;
    for (const auto& line : d.explanation)
      if (!line.arithmetic.empty()) {
        const auto checked = check(line.arithmetic);
        ASSERT_TRUE(checked) << line.arithmetic;
        EXPECT_TRUE(checked->holds()) << line.arithmetic;
        ++sums;
      }
    EXPECT_GE(sums, 3);
  }
}

// A model's checkpoint comes back in a time, not with a utilization.
TEST(FabricDiagnosis, LoadingIsJudgedByItsTime) {
  FabricJob restore = job(0, {{"state", Pattern::kRead, Purpose::kCheckpoint, 100 * kGB, 1, 1, false}});
  restore.wanted_s = 5;  // 800 GB by 100 GB/s: 8 s
  const auto d = one(small(), restore);
  EXPECT_EQ(d.verdict, "starved");
  EXPECT_DOUBLE_EQ(d.step_predicted_s, 8);
  EXPECT_DOUBLE_EQ(d.lost_checkpoint, 1);
  EXPECT_THAT(d.sentence, HasSubstr("it takes at least 8 s (wanted: 5 s)"));
  restore.wanted_s = 10;
  EXPECT_EQ(one(small(), restore).verdict, "inconclusive");
}

TEST(FabricDiagnosis, EveryBuiltInWorkloadHasAnAnswerOnAFabric) {
  fabric::FatTree wish;
  wish.hosts = 2048;
  wish.rails = 8;
  const Fabric fabric = fabric::fat_tree(wish).value();
  for (const auto& profile : workload::built_in()) {
    const auto jobs = jobs_on(fabric, profile, 0, {});
    ASSERT_TRUE(jobs) << profile.name << ": " << jobs.error().what;
    for (const auto& d : diagnose(fabric, *jobs)) {
      // From limits alone nothing is fed but what asks nothing.
      EXPECT_FALSE(d.verdict == "fed" && !d.ranking.empty()) << profile.name;
      EXPECT_FALSE(d.sentence.empty());
      if (d.latency) {  // an answer's time is judged, and there is no step
        EXPECT_GT(d.latency->budget_s, 0) << profile.name;
        EXPECT_TRUE(std::isnan(d.utilization)) << profile.name;
        continue;
      }
      EXPECT_FALSE(d.ranking.empty()) << profile.name;
      EXPECT_GE(d.step_predicted_s, d.step_compute_s);
      const double lost = d.lost_input + d.lost_collective + d.lost_checkpoint;
      EXPECT_NEAR(lost, 1 - d.step_compute_s / d.step_predicted_s, 1e-9) << profile.name;
    }
  }
}

TEST(FabricDiagnosis, WhatDoesNotFitIsRefused) {
  const auto profile = workload::load("llama3-70b-pretrain-h100")->front();
  EXPECT_THAT(jobs_on(small(), profile, 9, {}).error().what, HasSubstr("the fabric has 8"));
  EXPECT_FALSE(jobs_on(small(), profile, 8, {}));  // too few for the model
}

}  // namespace
}  // namespace millrace::diagnose
