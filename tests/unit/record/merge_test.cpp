// SPDX-License-Identifier: Apache-2.0
#include "record/merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::record {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

NamedDocument of_host(const char* file, const char* host, std::vector<std::string> ids) {
  NamedDocument named{file, {}};
  named.document.hosts.emplace_back();
  named.document.hosts.back().name = host;
  for (const std::string& id : ids) {
    Measurement m;
    m.id = id;
    named.document.measurements.push_back(m);
  }
  return named;
}

TEST(Merge, MeasurementsKeepApartAndVerdictsAreDropped) {
  NamedDocument first = of_host("run.json", "a", {"m1"}), second = of_host("link.json", "a", {"m1", "m2"});
  first.document.diagnoses.emplace_back();
  second.document.measurements[0].concurrent_with = {"m2"};
  second.document.interference.push_back({"m1", "m2", 0.5, 2, {}});
  const auto all = merge({first, second});
  ASSERT_TRUE(all) << all.error().what;
  std::vector<std::string> ids;
  for (const Measurement& m : all->measurements) ids.push_back(m.id);
  EXPECT_THAT(ids, ElementsAre("m1", "2.m1", "2.m2"));
  EXPECT_THAT(all->measurements[1].concurrent_with, ElementsAre("2.m2"));
  EXPECT_EQ(all->interference.at(0).victim, "2.m1");
  EXPECT_EQ(all->interference.at(0).aggressor, "2.m2");
  EXPECT_TRUE(all->diagnoses.empty());
}

TEST(Merge, WhatBothKnowIsThereOnce) {
  NamedDocument first = of_host("run.json", "a", {}), second = of_host("link.json", "a", {});
  topology::Resource shared, more;
  shared.id = "nic:eth0:in";
  more.id = "nic:eth1:in";
  first.document.topology.resources = {shared};
  second.document.topology.resources = {shared, more};
  second.document.topology.links = first.document.topology.links = {{"a", "b", "nic:eth0:in"}};
  second.document.findings = first.document.findings = {{"governor", "warning", "", "slow", "set it"}};
  second.document.complete = false;
  const auto all = merge({first, second});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->topology.resources.size(), 2U);
  EXPECT_EQ(all->topology.links.size(), 1U);
  EXPECT_EQ(all->findings.size(), 1U);
  EXPECT_FALSE(all->complete);
}

TEST(Merge, ADocumentOfAnotherHostIsRefusedWithBothNames) {
  const auto all = merge({of_host("run.json", "a", {}), of_host("link.json", "b", {})});
  ASSERT_FALSE(all);
  EXPECT_THAT(all.error().what, HasSubstr("run.json is of the host \"a\", link.json of \"b\""));
}

TEST(Merge, AMeasurementThatIsInTwoOfThemIsRefusedSinceItWouldCountTwice) {
  NamedDocument first = of_host("run.json", "a", {"m1", "m2"}), second = of_host("again.json", "a", {"m7"});
  for (Measurement& m : first.document.measurements) {
    m.probe = "storage.read";
    m.repeats = {{1e9, 10, 100, 200, "converged"}};  // at the same time, as two drives are
  }
  Measurement& m = second.document.measurements.front();
  m.probe = "storage.read";
  m.repeats = {{2e9, 10, 0, 50, "converged"}, {1e9, 10, 100, 200, "converged"}};
  const auto all = merge({first, second});
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().what, "again.json: its m7 (storage.read) is m1 of run.json, and would count twice");
  m.repeats[1].begin_ns = 101;
  EXPECT_TRUE(merge({first, second}));
  EXPECT_FALSE(merge({first, of_host("link.json", "a", {}), first}));
}

}  // namespace
}  // namespace millrace::record
