// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/conventions.hpp"
#include "diagnose/feed_path.hpp"
#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two GPUs, each behind a link of its own that the topology knows.
record::Document two_gpus(double first, double second, double together = 0) {
  record::Document document;
  document.topology.endpoints = {{"gpu:0", "gpu", "GPU 0", 0, 0, "0000:17:00.0", ""},
                                 {"gpu:1", "gpu", "GPU 1", 0, 0, "0000:97:00.0", ""}};
  document.topology.resources = {
      {"pcie:0000:17:00.0:write", "pcie_link", "PCIe link of gpu:0", 0, 60e9, "PCIe 32 GT/s x16", 0, ""},
      {"pcie:0000:97:00.0:write", "pcie_link", "PCIe link of gpu:1", 0, 60e9, "PCIe 32 GT/s x16", 0, ""}};
  const auto add = [&](const char* pattern, std::map<std::string, double> rates) {
    record::Measurement m;
    m.id = "m" + std::to_string(document.measurements.size() + 1);
    m.probe = conventions::kGpuCopy;
    m.status = "ok";
    m.parameters["pattern"] = std::string(pattern);
    for (const auto& [name, rate] : rates) m.metrics[name] = {8, rate, rate, rate, rate, rate, rate};
    document.measurements.push_back(std::move(m));
  };
  add("host-to-device", {{"host_to_gpu0_bytes_per_s", first}, {"host_to_gpu1_bytes_per_s", second}});
  if (together > 0) add("host-to-all", {{"host_to_all_bytes_per_s", together}});
  return document;
}

std::vector<Hop> hops(const record::Document& document, int accelerators) {
  FeedPath path;
  EXPECT_TRUE(add_gpu_hops(document, accelerators, path));
  return path.hops;
}

TEST(GpuHops, TheSlowestLinkIsTheHopAndNamesItsGpu) {
  const auto found = hops(two_gpus(50e9, 12e9), 2);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(found[0].resources, ElementsAre("pcie:0000:97:00.0:write"));
  EXPECT_EQ(found[0].noun, "the copy into gpu:1");
  EXPECT_DOUBLE_EQ(found[0].capacity.rate(), 12e9);
  EXPECT_FALSE(found[0].shared);  // each accelerator has a link, and the slowest sets the pace of all
}

TEST(GpuHops, LinksThatAreAlikeAreOneHopOfAllGpus) {
  const auto found = hops(two_gpus(50e9, 49e9), 2);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].noun, "the copy into GPU memory");
  EXPECT_EQ(found[0].resources.size(), 2u);
}

TEST(GpuHops, AcceleratorsThatTakeTurnsAtAGpuShareItsLink) {
  EXPECT_DOUBLE_EQ(hops(two_gpus(50e9, 50e9), 4)[0].capacity.rate(), 25e9);
}

TEST(GpuHops, WhatEqualLinksLoseTogetherIsAHopThatAllShare) {
  const auto held_back = hops(two_gpus(50e9, 50e9, 60e9), 2);
  ASSERT_EQ(held_back.size(), 2u);
  EXPECT_TRUE(held_back[1].shared);
  EXPECT_DOUBLE_EQ(held_back[1].capacity.rate(), 60e9);
  EXPECT_EQ(hops(two_gpus(50e9, 50e9, 98e9), 2).size(), 1u);
}

TEST(GpuHops, ARateAboveItsLinksLimitDiscreditsTheLimit) {
  FeedPath path;
  ASSERT_TRUE(add_gpu_hops(two_gpus(90e9, 90e9), 2, path));
  EXPECT_FALSE(path.hops[0].capacity.limit);
  ASSERT_EQ(path.notes.size(), 1u);
  EXPECT_THAT(path.notes[0], HasSubstr("discredited"));
}

TEST(GpuHops, WithoutCopiesThereIsNoHop) {
  FeedPath path;
  EXPECT_FALSE(add_gpu_hops({}, 2, path));
  EXPECT_TRUE(path.hops.empty());
}

// Four GPUs, two behind each of two switches, which let through so much.
record::Document two_switches(double first, double second) {
  record::Document document;
  document.topology.resources = {{"uplink a", "pcie_switch_uplink", "", 0, {}, "", 0, ""},
                                 {"uplink b", "pcie_switch_uplink", "", 0, {}, "", 0, ""}};
  const auto add = [&](const char* pattern, const char* gpus, double total, const char* uplink) {
    record::Measurement m;
    m.id = "m" + std::to_string(document.measurements.size() + 1);
    m.probe = conventions::kGpuCopy;
    m.status = "ok";
    m.parameters["pattern"] = std::string(pattern);
    m.parameters["gpu"] = std::string(gpus);
    if (total > 0) m.metrics["host_to_all_bytes_per_s"] = {8, total, total, total, total, total, total};
    if (*uplink) m.path = {{uplink, 1}};
    document.measurements.push_back(std::move(m));
  };
  add("host-to-device", "gpu:0,gpu:1,gpu:2,gpu:3", 0, "");
  for (int gpu = 0; gpu < 4; ++gpu)
    document.measurements[0].metrics["host_to_gpu" + std::to_string(gpu) + "_bytes_per_s"] = {
        8, 50e9, 50e9, 50e9, 50e9, 50e9, 50e9};
  add("host-to-all", "gpu:0,gpu:1,gpu:2,gpu:3", first + second, "");
  add("host-to-all", "gpu:0,gpu:1", first, "uplink a");
  add("host-to-all", "gpu:2,gpu:3", second, "uplink b");
  return document;
}

TEST(GpuHops, TheUplinkOfASwitchThatHoldsItsGpusBackIsAHop) {
  const auto found = hops(two_switches(30e9, 100e9), 4);
  ASSERT_EQ(found.size(),
            3u);  // the links, all at once, the slow uplink; the other lets through all that its GPUs take
  EXPECT_THAT(found[2].resources, ElementsAre("uplink a"));
  EXPECT_TRUE(found[2].shared);
  EXPECT_DOUBLE_EQ(found[2].capacity.rate(), 60e9) << "half of the GPUs take half of the bytes through it";
  EXPECT_THAT(found[2].capacity.evidence, ElementsAre("m3"));
  EXPECT_DOUBLE_EQ(found[1].capacity.rate(), 130e9) << "the widest measurement is the one of all";
}

TEST(GpuHops, UplinksThatLetThroughAllAreNone) { EXPECT_EQ(hops(two_switches(100e9, 99e9), 4).size(), 1u); }

}  // namespace
}  // namespace millrace::diagnose
