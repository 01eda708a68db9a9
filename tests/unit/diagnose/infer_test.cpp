// SPDX-License-Identifier: Apache-2.0
#include "diagnose/infer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "diagnose/binding_set.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct Moved {
  std::string from;
  double bytes_per_s = 0;
};

// Two drives a and b with a link each behind one switch, one drive c beside it, all read into one memory.
class Switch {
 public:
  record::Document document;

  Switch() {
    document.hosts.resize(1);
    document.hosts[0].cpu.threads = 64;
    auto& graph = document.topology;
    graph.endpoints = {{"memory:0", "memory", "", 0, 0, "", ""},
                       {"pci:switch", "pci_bridge", "", 0, {}, "", ""},
                       {"socket:0", "socket", "", 0, {}, "", ""}};
    graph.resources = {{"uplink", "pcie_switch_uplink", "", 0, {}, "", {}, ""},
                       {"memory_controller:0", "memory_controller", "", 0, {}, "", 0, ""}};
    graph.links = {{"pci:switch", "socket:0", "uplink"}, {"socket:0", "memory:0", "memory_controller:0"}};
    for (const std::string name : {"a", "b", "c"}) {
      graph.endpoints.push_back({"storage:" + name, "storage", name, 0, 0, "", ""});
      graph.endpoints.push_back({"pci:" + name, "pci_device", name, 0, 0, "", ""});
      graph.resources.push_back({"drive:" + name, "drive", name, 0, {}, "", 0, ""});
      graph.resources.push_back({"link:" + name, "pcie_link", name, 0, {}, "", 0, ""});
      graph.links.push_back({"storage:" + name, "pci:" + name, "drive:" + name});
      graph.links.push_back({"pci:" + name, name == "c" ? "socket:0" : "pci:switch", "link:" + name});
    }
  }

  // Together, five repeats that differ by a percent.
  Switch& read(const std::vector<Moved>& all) {
    const std::size_t first = document.measurements.size();
    for (std::size_t i = 0; i < all.size(); ++i) {
      record::Measurement& m = document.measurements.emplace_back();
      m.id = id(first + i);
      m.probe = "storage.read";
      m.from = "storage:" + all[i].from;
      m.to = "memory:0";
      m.path = {{"drive:" + all[i].from, 1}, {"link:" + all[i].from, 1}};
      if (all[i].from != "c") m.path.push_back({"uplink", 1});
      m.path.push_back({"memory_controller:0", 1});
      m.throughput_bytes_per_s.mean = all[i].bytes_per_s;
      m.duration_s = 5;
      for (int r = -2; r <= 2; ++r)
        m.repeats.push_back({all[i].bytes_per_s * (1 + 0.01 * ((r + static_cast<int>(i)) % 3)), 0,
                             1'000'000'000LL * (10 + 2 * r), 1'000'000'000LL * (11 + 2 * r), "converged"});
      for (std::size_t other = 0; other < all.size(); ++other)
        if (other != i) m.concurrent_with.push_back(id(first + other));
    }
    return *this;
  }
  [[nodiscard]] static std::string id(std::size_t index) { return "m" + std::to_string(index + 1); }
};

const ResourceCapacity& of(const Inference& inference, std::string_view resource) {
  return *std::find_if(inference.resources.begin(), inference.resources.end(),
                       [&](const ResourceCapacity& one) { return one.resource == resource; });
}

std::vector<std::string> class_of(const Inference& inference, const std::string& resource) {
  std::vector<std::string> names;
  for (const std::size_t i : inference.classes[of(inference, resource).in_class])
    names.push_back(inference.resources[i].resource);
  return names;
}

TEST(Infer, AnUplinkWhoseDrivesGetLessTogetherThanAloneWasSeenAtItsEnd) {
  const Inference inference =
      infer(Switch().read({{"a", 3e9}}).read({{"b", 3e9}}).read({{"a", 2e9}, {"b", 2e9}}).document);
  const ResourceCapacity& uplink = of(inference, "uplink");
  EXPECT_EQ(uplink.seen, Seen::kSaturated);
  EXPECT_NEAR(uplink.capacity.rate(), 4e9, 0.05e9);
  EXPECT_LT(uplink.capacity.low(), 4e9);
  EXPECT_THAT(uplink.capacity.evidence, ElementsAre("m3", "m4"));
  EXPECT_NEAR(of(inference, "drive:a").capacity.rate(), 3e9, 0.05e9) << "alone, not beside b";
}

TEST(Infer, ALuckyRunAloneDoesNotHideThatTheUplinkWasFull) {
  Switch machine;
  machine.read({{"a", 2.08e9}}).read({{"b", 0.8e9}}).read({{"a", 1.2e9}, {"b", 0.8e9}});
  for (auto& m : machine.document.measurements)
    for (std::size_t r = 0; r < m.repeats.size(); ++r)
      m.repeats[r].throughput_bytes_per_s =
          m.throughput_bytes_per_s.mean * (1 + 0.03 * (static_cast<double>(r) - 2));
  const Inference inference = infer(machine.document);
  EXPECT_EQ(of(inference, "uplink").seen, Seen::kSaturated) << "4 % less than a alone, by chance";
  EXPECT_NE(of(inference, "drive:a").seen, Seen::kSaturated) << "the uplink explains it";
}

TEST(Infer, AnUplinkWhoseDrivesKeepWhatTheyGetAloneCarriesAtLeastThat) {
  const Inference inference =
      infer(Switch().read({{"a", 3e9}}).read({{"b", 2e9}}).read({{"a", 3e9}, {"b", 2e9}}).document);
  EXPECT_EQ(of(inference, "uplink").seen, Seen::kFloor);
  EXPECT_NEAR(of(inference, "uplink").capacity.rate(), 5e9, 0.06e9);
  EXPECT_EQ(of(inference, "drive:a").seen, Seen::kSaturated);
}

TEST(Infer, WhatTheSameFlowsCrossIsOneClassAndWhatWouldSplitItIsSaid) {
  const Switch machine = [] {
    Switch one;
    one.read({{"a", 3e9}}).read({{"c", 3e9}});
    return one;
  }();
  const Inference inference = infer(machine.document);
  EXPECT_THAT(class_of(inference, "drive:a"), UnorderedElementsAre("drive:a", "link:a", "uplink"));
  EXPECT_THAT(class_of(inference, "memory_controller:0"), ElementsAre("memory_controller:0"));
  std::vector<std::string> split_by;
  for (const record::SharedCapacity& one : capacities_of(machine.document, inference))
    if (one.resources.size() == 3) split_by.push_back(one.split_by);
  EXPECT_THAT(split_by, ElementsAre("from storage:b to memory:0"));
}

TEST(Infer, NothingAtEndpointsSplitsADriveFromItsOwnLink) {
  Switch machine;
  machine.read({{"c", 3e9}}).read({{"a", 1e9}});
  const Inference inference = infer(machine.document);
  for (const record::SharedCapacity& one : capacities_of(machine.document, inference))
    if (one.resources.front() == "drive:c") {
      EXPECT_THAT(one.split_by, IsEmpty());
    }
  EXPECT_THAT(class_of(inference, "drive:c"), UnorderedElementsAre("drive:c", "link:c"));
}

TEST(Infer, ALimitIsTheCeilingUnlessMoreWasCarried) {
  Switch machine;
  machine.read({{"a", 3e9}});
  auto& resources = machine.document.topology.resources;
  for (auto& resource : resources) {
    if (resource.id == "drive:a") resource.limit_bytes_per_s = 3.5e9, resource.limit_source = "a data sheet";
    if (resource.id == "link:a") resource.limit_bytes_per_s = 2e9, resource.limit_source = "PCIe 4 x1";
  }
  const Inference inference = infer(machine.document);
  EXPECT_EQ(of(inference, "drive:a").capacity.limit, 3.5e9);
  EXPECT_FALSE(of(inference, "link:a").capacity.limit);
  EXPECT_THAT(inference.notes, ElementsAre(HasSubstr("more than its limit of 2 GB/s (PCIe 4 x1)")));
}

TEST(Infer, ACopyWithinOneMemoryCrossesItTwice) {
  Switch machine;
  machine.read({{"a", 3e9}});
  record::Measurement& copy = machine.document.measurements.emplace_back(machine.document.measurements[0]);
  copy.id = "m2";
  copy.probe = "memory.copy";
  copy.from = copy.to = "memory:0";
  copy.path.clear();
  EXPECT_NEAR(of(infer(machine.document), "memory_controller:0").capacity.rate(), 6e9, 0.1e9);
}

TEST(Infer, APipelineThatATimedConsumerPacesIsNoEvidence) {
  Switch machine;
  machine.read({{"a", 3e9}});
  record::Measurement& proof = machine.document.measurements[0];
  proof.probe = "ingest.pipeline";
  proof.parameters = {{"source", std::string("cold")}, {"compute", 0.05}};
  EXPECT_TRUE(infer(machine.document).resources.empty());
}

TEST(Infer, WhatNothingCrossedHasItsLimit) {
  Switch machine;
  machine.document.topology.resources[0].limit_bytes_per_s = 8e9;
  EXPECT_EQ(of(infer(machine.document), "uplink").seen, Seen::kLimit);
}

TEST(Infer, ADriveHasACapacityForEachClassOfOperation) {
  Switch machine;
  machine.read({{"c", 3e9}}).read({{"c", 1e9}});
  machine.document.measurements[0].parameters = {{"block-size", std::int64_t{1 << 20}},
                                                 {"queue-depth", std::int64_t{8}}};
  machine.document.measurements[1].parameters = {{"block-size", std::int64_t{4096}},
                                                 {"queue-depth", std::int64_t{1}}};
  const Inference inference = infer(machine.document);
  std::vector<std::string> operations;
  for (const ResourceCapacity& one : inference.resources)
    if (one.resource == "drive:c") operations.push_back(one.operation);
  EXPECT_THAT(operations, ElementsAre("storage.read 1 MiB × 8", "storage.read 4 KiB × 1"));
  const std::vector<ResourceDemand> small{{"drive:c", 1e9, "storage.read 4 KiB × 1"}};
  EXPECT_NEAR(uses_of(inference, small).at(0).seconds_per_step, 1, 0.02);
}

TEST(Infer, BusyCpusMayBeWhatHeldThemBackSoNothingIsBlamed) {
  Switch machine;
  machine.read({{"a", 3e9}}).read({{"b", 3e9}}).read({{"a", 2e9}, {"b", 2e9}});
  machine.document.hosts[0].cpu.threads = 2;
  for (auto& m : machine.document.measurements)
    if (!m.concurrent_with.empty()) m.counters["worker:system_s"] = m.duration_s;
  EXPECT_EQ(of(infer(machine.document), "uplink").seen, Seen::kFloor);
  machine.document.hosts[0].cpu.threads = 64;
  EXPECT_EQ(of(infer(machine.document), "uplink").seen, Seen::kSaturated);
  machine.document.hosts[0].cpu.usable_threads = 2;
  EXPECT_EQ(of(infer(machine.document), "uplink").seen, Seen::kFloor) << "of those that it might use";
}

TEST(Infer, BesideAFailedMeasurementNothingIsBlamedEither) {
  Switch machine;
  machine.read({{"a", 3e9}}).read({{"b", 3e9}}).read({{"a", 2e9}, {"b", 2e9}, {"c", 1e9}});
  machine.document.measurements[4].status = "failed";
  EXPECT_EQ(of(infer(machine.document), "uplink").seen, Seen::kFloor);
  EXPECT_NEAR(of(infer(machine.document), "uplink").capacity.rate(), 4e9, 0.05e9) << "but a floor it is";
}

TEST(Simultaneous, OnlyTheWindowThatAllShareCounts) {
  Switch machine;
  machine.read({{"a", 2e9}, {"b", 2e9}});
  record::Measurement& outlasting = machine.document.measurements[0];
  for (auto& m : machine.document.measurements) m.repeats.resize(1);
  // It ran from 6 s to 10 s, alone from 7 s on, and then moved twice as much.
  outlasting.repeats[0] = {3.5e9, 0, 6'000'000'000, 10'000'000'000, "converged"};
  outlasting.slices = record::Slices{
      0.5,
      {1000000000, 1000000000, 2000000000, 2000000000, 2000000000, 2000000000, 2000000000, 2000000000},
      {}};
  std::vector<std::string> notes;
  auto sets = simultaneous_sets(machine.document, notes);
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_DOUBLE_EQ(sets[0].mean[0], 2e9) << "not 3.5 GB/s";
  outlasting.slices.reset();
  sets = simultaneous_sets(machine.document, notes);
  EXPECT_TRUE(sets.empty());
  EXPECT_THAT(notes, Contains(HasSubstr("m1, m2 ran together for too short")));
}

TEST(Simultaneous, HostsClocksAreBroughtTogetherLessTheirError) {
  Switch machine;
  machine.read({{"a", 2e9}, {"b", 2e9}});
  machine.document.hosts.resize(2);
  machine.document.hosts[1].clock_offset_s = topology::ClockOffset{100, 100, 0.001};
  record::Measurement& far = machine.document.measurements[1];
  far.participants = {{0, 1, "reader", 0, 0}};
  std::vector<std::string> notes;
  EXPECT_TRUE(simultaneous_sets(machine.document, notes).empty()) << "a hundred seconds apart";
  for (auto& repeat : far.repeats) repeat.begin_ns += 100'000'000'000, repeat.end_ns += 100'000'000'000;
  EXPECT_EQ(simultaneous_sets(machine.document, notes).at(0).rates.size(), 5u);
  machine.document.hosts[1].clock_offset_s->error = 0.2;
  EXPECT_TRUE(simultaneous_sets(machine.document, notes).empty()) << "two fifths of a second may be apart";
}

TEST(BindingSet, TheUplinkBindsWhereItIsTheMostUsed) {
  Switch machine;
  machine.read({{"a", 3e9}}).read({{"b", 3e9}}).read({{"c", 3e9}}).read({{"a", 2e9}, {"b", 2e9}});
  const Inference inference = infer(machine.document);
  const std::vector<ResourceDemand> even{
      {"drive:a", 1e9}, {"drive:b", 1e9}, {"drive:c", 1e9}, {"uplink", 2e9}};
  const auto binding = binding_set(inference, even);
  ASSERT_EQ(binding.size(), 1u);
  EXPECT_THAT(binding[0].resources, ElementsAre("uplink"));
  EXPECT_NEAR(binding[0].seconds_per_step, 0.5, 0.01);
  EXPECT_LT(binding[0].low, 0.5);
  const std::vector<ResourceDemand> most_of_c{{"drive:a", 1e9}, {"drive:c", 6e9}, {"uplink", 1e9}};
  EXPECT_THAT(binding_set(inference, most_of_c).at(0).resources, ElementsAre("drive:c"));
}

TEST(BindingSet, WhatMayHaveHeldTheDrivesBackIsNamedUntilAMeasurementTellsItApart) {
  Switch machine;
  machine.read({{"a", 3e9}}).read({{"b", 3e9}}).read({{"c", 3e9}}).read({{"a", 2e9}, {"b", 2e9}});
  const std::vector<ResourceDemand> demands{{"drive:a", 1e9}, {"uplink", 2e9}, {"memory_controller:0", 2e9}};
  EXPECT_EQ(binding_set(infer(machine.document), demands).size(), 2u) << "the uplink or memory";
  machine.read({{"a", 2e9}, {"b", 2e9}, {"c", 3e9}});
  const auto binding = binding_set(infer(machine.document), demands);
  ASSERT_EQ(binding.size(), 1u);
  EXPECT_THAT(binding[0].resources, ElementsAre("uplink"));
}

TEST(BindingSet, TwoThatAreTooCloseToTellAreBothNamed) {
  Switch machine;
  machine.read({{"a", 3e9}})
      .read({{"c", 3.01e9}})
      .read({{"b", 9e9}})
      .read({{"a", 3e9}, {"b", 9e9}, {"c", 3e9}});
  const std::vector<ResourceDemand> even{{"drive:a", 1e9}, {"drive:b", 1e9}, {"drive:c", 1e9}};
  EXPECT_EQ(binding_set(infer(machine.document), even).size(), 2u);
}

}  // namespace
}  // namespace millrace::diagnose
