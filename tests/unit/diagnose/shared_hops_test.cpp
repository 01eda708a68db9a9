// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "explanation_sums.hpp"
#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Machine;
using ::testing::Not;

struct DriveRead {
  std::string drive, uplink;  // uplink: empty for a drive at the socket
  double bytes_per_s = 0;
  int node = 0;
};

// Drives behind switches, all data spread evenly over them.
class Drives : public Machine {
 public:
  Drives() {
    document.topology = {};
    for (const char* uplink : {"pcie:s0:read", "pcie:s1:read"})
      document.topology.resources.push_back({uplink, "pcie_switch_uplink", "", 0, {}, "", {}, ""});
    for (const char* node : {"0", "1"})
      document.topology.resources.push_back(
          {std::string("memory_controller:") + node, "memory_controller", "", 0, {}, "", {}, ""});
  }
  Drives& read(const std::vector<DriveRead>& all) {
    const std::size_t first = document.measurements.size();
    for (const DriveRead& one : all) {
      auto& resources = document.topology.resources;
      const std::string id = "drive:" + one.drive;
      if (std::none_of(resources.begin(), resources.end(), [&](const auto& r) { return r.id == id; }))
        resources.push_back({id, "drive", one.drive, 0, {}, "", {}, ""});
      record::Measurement& m = add("storage.read", "toy", one.bytes_per_s, 0.002 * one.bytes_per_s);
      m.from = "storage:" + one.drive;
      m.to = "memory:" + std::to_string(one.node);
      m.path = {{id, 1}};
      if (!one.uplink.empty()) m.path.push_back({one.uplink, 1});
      m.path.push_back({"memory_controller:" + std::to_string(one.node), 1});
      m.metrics["dataset_bytes"].mean = 100e6;
    }
    for (std::size_t i = first; i < document.measurements.size(); ++i)
      for (std::size_t other = first; other < document.measurements.size(); ++other)
        if (i != other) document.measurements[i].concurrent_with.push_back(document.measurements[other].id);
    return *this;
  }
  Drives& each_alone(const std::vector<DriveRead>& all) {
    for (const DriveRead& one : all) read({one});
    return *this;
  }
};

const record::RankedHop* hop_of(const record::Diagnosis& d, const std::string& resource) {
  const auto found = std::find_if(d.ranking.begin(), d.ranking.end(),
                                  [&](const record::RankedHop& hop) { return hop.resource == resource; });
  return found == d.ranking.end() ? nullptr : &*found;
}

const std::string kFirst = "pcie:s0:read", kSecond = "pcie:s1:read";

TEST(SharedHops, TwoSwitchesThatAreFullAreTwoHopsAndTheSlowerOneBinds) {
  Drives machine;
  machine.each_alone({{"a", kFirst, 3e9}, {"b", kFirst, 3e9}, {"c", kSecond, 3e9}, {"d", kSecond, 3e9}});
  machine.read({{"a", kFirst, 1.6e9}, {"b", kFirst, 1.6e9}, {"c", kSecond, 2.2e9}, {"d", kSecond, 2.2e9}});
  machine.memory(40e9);
  const record::Diagnosis d = machine.ask(5);
  ASSERT_EQ(d.bottlenecks.size(), 1u);
  EXPECT_THAT(d.bottlenecks[0].resources, ElementsAre(kFirst));
  EXPECT_EQ(d.bottlenecks[0].kind, "pcie");
  EXPECT_NEAR(d.bottlenecks[0].available_bytes_per_s, 6.4e9, 0.03e9) << "3.2 GB/s for half of the records";
  ASSERT_NE(hop_of(d, kSecond), nullptr);
  EXPECT_NEAR(hop_of(d, kSecond)->available_bytes_per_s.value(), 8.8e9, 0.04e9);
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("that the topology does not show"))));
  EXPECT_THAT(d.sentence, HasSubstr("starved by the switch uplink pcie:s0:read"));
  EXPECT_THAT(d.bottlenecks[0].evidence, ElementsAre("m5", "m6"));
  expect_sums(d);
  std::vector<std::string> sums;
  for (const auto& step : d.explanation) sums.push_back(step.arithmetic);
  EXPECT_THAT(sums, Contains("3.2 GB/s ÷ 0.5 = 6.4 GB/s")) << "half of the records go that way";
}

TEST(SharedHops, WhatMendingADriveRunsIntoIsTheUplink) {
  Drives machine;
  machine.each_alone({{"a", kFirst, 0.5e9}, {"b", kFirst, 3e9}, {"c", kFirst, 3e9}});
  machine.read({{"a", kFirst, 0.5e9}, {"b", kFirst, 1.4e9}, {"c", kFirst, 1.4e9}}).memory(40e9);
  const record::Diagnosis d = machine.ask(2);
  EXPECT_THAT(d.bottlenecks.at(0).resources, ElementsAre("drive:a"));
  EXPECT_NEAR(hop_of(d, kFirst)->available_bytes_per_s.value(), 3.3e9, 0.02e9) << "a's records cross it too";
  EXPECT_THAT(d.notes, Not(Contains(HasSubstr("cannot be told apart"))));
  ASSERT_FALSE(d.relief.empty());
  EXPECT_EQ(d.relief.front().next_bottleneck, kFirst);
}

TEST(SharedHops, MemoryOfANodeThatReadsFillIsAHopOfItsOwn) {
  Drives machine;
  machine.each_alone({{"a", "", 3e9, 0}, {"b", "", 3e9, 1}, {"c", "", 3e9, 1}});
  machine.read({{"a", "", 3e9, 0}, {"b", "", 1.6e9, 1}, {"c", "", 1.6e9, 1}});
  machine.memory(40e9);
  const record::Diagnosis d = machine.ask(2);
  const record::RankedHop* hop = hop_of(d, "memory_controller:1");
  ASSERT_NE(hop, nullptr);
  EXPECT_EQ(hop->kind, "memory");
  // 3.2 GB/s seen; two thirds of the records go there, and each byte crosses memory five times.
  EXPECT_NEAR(hop->available_bytes_per_s.value(), 3.2e9 / (2.0 / 3) / 5, 0.01e9);
}

TEST(SharedHops, FoldersOnTwoDrivesShareEachItsOwn) {
  Drives machine;
  const auto all = [](double x, double y) {
    return std::vector<DriveRead>{{"a", "", x}, {"b", "", x}, {"c", "", y}, {"d", "", y}};
  };
  machine.each_alone(all(1e9, 2e9)).read(all(0.6e9, 1.2e9)).memory(40e9);
  for (record::Measurement& m :
       machine.document.measurements)  // a and b lie on one drive, c and d on another
    for (record::MeasuredHop& hop : m.path)
      if (hop.resource.starts_with("drive:"))
        hop.resource = hop.resource == "drive:a" || hop.resource == "drive:b" ? "drive:a" : "drive:c";
  const record::Diagnosis d = machine.ask(2);
  EXPECT_THAT(d.bottlenecks.at(0).resources.front(), "drive:a");
  EXPECT_NEAR(d.bottlenecks.at(0).available_bytes_per_s, 2.4e9, 0.02e9) << "1.2 GB/s for half of the records";
}

TEST(SharedHops, WhatKeepsItsRateAddsNothing) {
  Drives machine;
  machine.each_alone({{"a", kFirst, 1e9}, {"b", kFirst, 1e9}}).read({{"a", kFirst, 1e9}, {"b", kFirst, 1e9}});
  EXPECT_EQ(hop_of(machine.ask(), kFirst), nullptr);
}

}  // namespace
}  // namespace millrace::diagnose
