// SPDX-License-Identifier: Apache-2.0
#include "run/pair_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace millrace::run {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Names are what a plan looks at: nothing is loaded.
ProbeInfo probe_named(const char* name) {
  ProbeInfo info{};
  info.name = name;
  return info;
}
const ProbeInfo kRead = probe_named("storage.read"), kWrite = probe_named("storage.write"),
                kCopy = probe_named("memory.copy"), kPipeline = probe_named("ingest.pipeline"),
                kAllReduce = probe_named("nccl.all_reduce");

Planned planned(const ProbeInfo& probe, const char* from, const char* to, Parameters parameters = {}) {
  Planned one;
  one.plan.entry.probe = &probe;
  one.plan.parameters = std::move(parameters);
  WorkerPlan worker;
  worker.from = from;
  worker.to = to;
  one.plan.workers.push_back(worker);
  return one;
}

// A drive and a GPU behind one switch, memory behind the root.
topology::Topology behind_one_switch() {
  topology::Topology graph;
  for (const auto& [id, kind] : {std::pair{"storage:a", "storage"},
                                 {"gpu:0", "gpu"},
                                 {"memory:0", "memory"},
                                 {"switch", "pci_bridge"}}) {
    topology::Endpoint endpoint;
    endpoint.id = id;
    endpoint.kind = kind;
    graph.endpoints.push_back(endpoint);
  }
  for (const auto& [from, to, id] : {std::tuple{"storage:a", "switch", "drive"},
                                     {"switch", "storage:a", "drive:w"},
                                     {"switch", "memory:0", "uplink:read"},
                                     {"memory:0", "switch", "uplink:write"},
                                     {"switch", "gpu:0", "gpu:down"},
                                     {"gpu:0", "switch", "gpu:up"}}) {
    topology::Resource resource;
    resource.id = id;
    graph.resources.push_back(resource);
    graph.links.push_back({from, to, id});
  }
  return graph;
}

TEST(PairPlan, TakesThePairFirstThatSharesMost) {
  const std::vector<Planned> alone{
      planned(kCopy, "memory:0", "memory:0"), planned(kRead, "storage:a", "memory:0"),
      planned(kPipeline, "storage:a", "gpu:0", {{"source", "cold"}}),
      planned(kAllReduce, "gpu:0", "memory:0"), planned(kWrite, "memory:0", "storage:a")};
  const auto pairs = pairs_that_share(alone, behind_one_switch());
  ASSERT_EQ(pairs.size(), 6U);
  for (std::size_t i = 1; i < pairs.size(); ++i) EXPECT_GE(pairs[i - 1].shared, pairs[i].shared);
  EXPECT_GT(pairs.front().shared, 0);
  // What shares nothing comes last: the pipeline goes past memory here.
  EXPECT_EQ(pairs.back().shared, 0);
}

TEST(PairPlan, PairsOfEachKindTheFirstAlone) {
  std::vector<Planned> alone{planned(kRead, "storage:a", "memory:0"), planned(kRead, "storage:a", "memory:0"),
                             planned(kWrite, "memory:0", "storage:a")};
  auto pairs = pairs_that_share(alone, behind_one_switch());
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].first, 0U);
  EXPECT_EQ(pairs[0].second, 2U);
  alone[0].together = 1;  // is itself together with others: the next one is alone
  pairs = pairs_that_share(alone, behind_one_switch());
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].first, 1U);
}

TEST(PairPlan, LeavesOutWhatCannotRunHere) {
  std::vector<Planned> alone{planned(kRead, "storage:a", "memory:0"),
                             planned(kWrite, "memory:0", "storage:a")};
  alone[1].plan.status = "skipped";
  EXPECT_TRUE(pairs_that_share(alone, behind_one_switch()).empty());
}

TEST(PairPlan, OnlyThePipelineForRealIsIngest) {
  for (const Parameters& parameters : {Parameters{{"source", "synthetic"}}, Parameters{{"source", "cached"}},
                                       Parameters{{"source", "cold"}, {"way", "direct"}}})
    EXPECT_TRUE(pairs_that_share({planned(kPipeline, "storage:a", "gpu:0", parameters),
                                  planned(kWrite, "memory:0", "storage:a")},
                                 behind_one_switch())
                    .empty());
}

TEST(PairPlan, TakesTheLinkToAPeerFirstWhichWasAskedFor) {
  peer::Hub hub({});
  const ProbeInfo stream = probe_named("tcp.stream"), round_trip = probe_named("tcp.latency");
  std::vector<Planned> alone{planned(kRead, "storage:a", "memory:0"),
                             planned(kPipeline, "storage:a", "memory:0", {{"source", "cold"}}),
                             planned(kWrite, "memory:0", "storage:a"),
                             planned(stream, "memory:0", "memory:0", {{"direction", "send"}}),
                             planned(stream, "memory:0", "memory:0", {{"direction", "receive"}}),
                             planned(round_trip, "memory:0", "memory:0")};
  EXPECT_EQ(pairs_that_share(alone, behind_one_switch()).size(), 2U) << "over loopback there is no link";
  for (std::size_t i = 3; i < alone.size(); ++i) alone[i].plan.others = &hub;
  const auto pairs = pairs_that_share(alone, behind_one_switch());
  ASSERT_EQ(pairs.size(), 5U);
  std::set<std::pair<std::size_t, std::size_t>> first;
  for (int i = 0; i < kLinkPairs; ++i) first.emplace(pairs[i].first, pairs[i].second);
  // What is received, as what is read is.
  EXPECT_EQ(first, (std::set<std::pair<std::size_t, std::size_t>>{{0, 4}, {1, 4}, {0, 5}}));
}

TEST(PairPlan, WritesHalfASecondOfTheDriveAndNoMoreThanTheCapAllows) {
  constexpr std::uint64_t kMiB = 1 << 20;
  EXPECT_EQ(checkpoint_bytes(64ULL << 30, 100e6), 47 * kMiB);
  EXPECT_EQ(checkpoint_bytes(64ULL << 30, 1e6), 16 * kMiB);
  EXPECT_EQ(checkpoint_bytes(64ULL << 30, 1e10), 256 * kMiB);
  EXPECT_EQ(checkpoint_bytes(800 * kMiB, 1e10), 100 * kMiB);
  EXPECT_EQ(checkpoint_bytes(127 * kMiB, 1e10), 0U) << "no room for one worth writing";
}

TEST(PairPlan, TakesAQuarterOfTheTimeAtMostAndNoneWhereThatIsTooShort) {
  TemporaryFolder folder;
  Job job;
  job.paths = {folder.path()};
  const auto all = workload::built_in_training_input();
  for (const double seconds : {5.0, 20.0, 60.0, 300.0}) {
    job.budget = Duration::from_seconds(seconds);
    const TimePlan time = share_time(job, all);
    const double together_s = time.pairs > 0 ? job.repeats * 0.4 * (time.pairs + 1) * time.unit_s : 0;
    EXPECT_LE(together_s, 0.2501 * seconds) << seconds;
    if (time.pairs > 0) {
      EXPECT_GE(time.unit_s * kTogetherWeight, kLeastTogether_s) << seconds;
    }
    if (seconds >= 60) {
      EXPECT_GE(time.pairs, 3) << seconds;
    }
    if (seconds <= 5) {
      EXPECT_EQ(time.pairs, 0) << seconds;
    }
  }
}

TEST(PairPlan, WhoNamesAPeerGetsItsPairsWithinTheSameTime) {
  TemporaryFolder folder;
  Job job;
  job.paths = {folder.path()};
  const std::vector<workload::Profile> one{workload::built_in_training_input().front()};
  peer::Hub hub({});
  peer::Turns turns(hub);
  const LinkPlan link = plan_link(job, turns, {}, {});
  ASSERT_GT(link.weight(), 0);
  const TimePlan without = share_time(job, one), with = share_time(job, one, {}, link);
  EXPECT_GE(with.pairs, without.pairs + kLinkPairs);
  EXPECT_LT(with.unit_s, without.unit_s);
}

TEST(LinkPlan, MeasuresBothWaysAndRdmaWhereBothEndsHaveIt) {
  peer::Hub hub({});
  peer::Turns turns(hub);
  topology::Machine plain, device;
  device.graph.endpoints.push_back({"rdma:mlx5_0", "rdma", "", 0, 0, "", ""});
  Job job;
  const auto probes = [&](const topology::Machine& here, const topology::Machine& there) {
    std::vector<std::string> names;
    for (const LinkMeasurement& one : plan_link(job, turns, here, there).measurements)
      names.push_back(one.probe + (one.given.empty() ? "" : " " + one.given.front().second));
    return names;
  };
  const std::vector<std::string> tcp{"tcp.stream receive", "tcp.stream send", "tcp.latency"};
  EXPECT_EQ(probes(plain, device), tcp);
  EXPECT_EQ(probes(device, plain), tcp);
  EXPECT_THAT(probes(device, device), ::testing::IsSupersetOf({"rdma.read", "rdma.write"}));
}

TEST(LinkPlan, SaysByItsLabelsWhatThePeerIs) {
  peer::Hub hub({});
  peer::Turns turns(hub);
  for (const auto& [is, label] :
       {std::pair{kPeerIsStorage, "storage"}, {kPeerIsClient, "network"}, {kPeerIsOther, "link"}}) {
    Job job;
    job.peer_is = is;
    for (const LinkMeasurement& one : plan_link(job, turns, {}, {}).measurements) EXPECT_EQ(one.label, label);
  }
}

}  // namespace
}  // namespace millrace::run
