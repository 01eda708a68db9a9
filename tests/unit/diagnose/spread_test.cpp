// SPDX-License-Identifier: Apache-2.0
#include "diagnose/spread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Machine;
using ::testing::Not;
using testing::toy;

// Two drives, each behind a port of its own, that hold parts of the data. Names: a and b.
class TwoDrives : public Machine {
 public:
  TwoDrives() {
    auto& graph = document.topology;
    graph.endpoints = {{"memory:0", "memory", "NUMA node 0", 0, 0, "", ""}};
    graph.resources = {{"memory_controller:0", "memory_controller", "memory of node 0", 0, {}, "", 0, ""}};
    for (const std::string name : {"a", "b"}) {
      graph.endpoints.push_back({"storage:" + name, "storage", name, 0, 0, "", "/dev/" + name});
      graph.resources.push_back({"drive:" + name, "drive", name, 0, {}, "", 0, ""});
    }
  }
  record::Measurement& read(const std::string& drive, double mean, double data = 100e6, double spread = 0) {
    record::Measurement& m = add("storage.read", "toy", mean, spread);
    m.from = "storage:" + drive;
    m.to = "memory:0";
    m.path = {{"drive:" + drive, 1}, {"memory_controller:0", 1}};
    m.metrics["dataset_bytes"].mean = data;
    return m;
  }
  TwoDrives& together(double a, double b) {
    const std::size_t first = document.measurements.size();
    read("a", a);
    read("b", b);
    document.measurements[first].concurrent_with = {document.measurements[first + 1].id};
    document.measurements[first + 1].concurrent_with = {document.measurements[first].id};
    return *this;
  }
  [[nodiscard]] const record::RankedHop* hop(const record::Diagnosis& d, const std::string& name) const {
    for (const auto& one : d.ranking)
      if (one.name.find(name) != std::string::npos) return &one;
    return nullptr;
  }
};

TEST(Spread, TheSlowestDriveBindsByThePartOfTheDataThatItHolds) {
  TwoDrives machine;
  machine.read("a", 0.5e9);
  machine.read("b", 3e9);
  machine.together(0.5e9, 3e9);
  const record::Diagnosis d = machine.ask();
  ASSERT_EQ(d.verdict, "starved");
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_EQ(d.bottlenecks[0].resources.front(), "drive:a");
  EXPECT_NEAR(d.bottlenecks[0].available_bytes_per_s, 1e9, 1) << "half of the data at 0.5 GB/s";
  EXPECT_NEAR(machine.hop(d, "from b")->available_bytes_per_s.value(), 6e9, 1);
  EXPECT_THAT(d.sentence, HasSubstr("starved by a: reading from a (50 % of the data)"));
}

TEST(Spread, WhatDrivesHoldDecidesWhichOneIsWaitedFor) {
  TwoDrives machine;
  machine.read("a", 1e9, 100e6);
  machine.read("b", 2e9, 900e6);
  machine.together(1e9, 2e9);
  machine.document.measurements[2].metrics["dataset_bytes"].mean = 100e6;
  const record::Diagnosis d = machine.ask(2);
  EXPECT_EQ(d.bottlenecks.at(0).resources.front(), "drive:b");
  EXPECT_NEAR(d.bottlenecks.at(0).available_bytes_per_s, 2e9 / 0.9, 1);
}

TEST(Spread, DrivesThatAreAsFastAreOneHop) {
  TwoDrives machine;
  machine.read("a", 0.5e9);
  machine.read("b", 0.52e9);
  machine.together(0.5e9, 0.52e9);
  const record::Diagnosis d = machine.ask();
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre("drive:a", "drive:b"));
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("together"))));
}

TEST(Spread, ACapThatBothDrivesShareBindsAndIsSaid) {
  TwoDrives machine;
  machine.read("a", 0.8e9);
  machine.read("b", 0.8e9);
  machine.together(0.4e9, 0.4e9);
  const record::Diagnosis d = machine.ask();
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_NEAR(d.bottlenecks[0].available_bytes_per_s, 0.8e9, 1);
  EXPECT_THAT(d.bottlenecks[0].evidence, ElementsAre("m3", "m4", "m1", "m2"));
  EXPECT_THAT(d.sentence, HasSubstr("starved by what a and b share"));
  EXPECT_THAT(d.notes, Contains(HasSubstr("they share something that the topology does not show")));
}

TEST(Spread, ASharedLinkIsNamedWhereTheTopologyShowsIt) {
  TwoDrives machine;
  auto& resources = machine.document.topology.resources;
  resources.push_back({"pcie:1:read", "pcie_switch_uplink", "uplink of the switch", 0, {}, "", 0, ""});
  machine.read("a", 0.8e9);
  machine.read("b", 0.8e9);
  machine.together(0.4e9, 0.4e9);
  for (auto& m : machine.document.measurements) m.path.push_back({"pcie:1:read", 1});
  const record::Diagnosis d = machine.ask();
  EXPECT_EQ(d.bottlenecks.at(0).kind, "pcie");
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("pcie:1:read"));
}

TEST(Spread, ALossWithinTheNoiseIsNone) {
  TwoDrives machine;
  machine.read("a", 0.8e9, 100e6, 0.1e9);
  machine.read("b", 0.8e9, 100e6, 0.1e9);
  machine.together(0.7e9, 0.72e9);
  EXPECT_EQ(machine.hop(machine.ask(), "together"), nullptr);
}

TEST(Spread, BusyCpusAreNotTakenForACapOfTheDrives) {
  TwoDrives machine;
  machine.read("a", 0.8e9);
  machine.read("b", 0.8e9);
  machine.together(0.4e9, 0.4e9);
  machine.document.hosts[0].cpu.threads = 2;
  for (auto& m : machine.document.measurements)
    if (!m.concurrent_with.empty()) m.counters["worker:system_s"] = m.duration_s;
  const record::Diagnosis d = machine.ask();
  EXPECT_EQ(machine.hop(d, "together"), nullptr);
  EXPECT_THAT(d.notes, Contains(HasSubstr("kept every CPU busy")));
  machine.document.hosts[0].cpu.threads = 64;
  machine.document.hosts[0].cpu.usable_threads = 2;  // and those are all that it might use
  EXPECT_THAT(machine.ask().notes, Contains(HasSubstr("kept every CPU busy")));
}

}  // namespace
}  // namespace millrace::diagnose
