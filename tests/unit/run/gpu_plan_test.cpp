// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "run/feed_plan.hpp"

namespace millrace::run {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class GpuPlanning : public ::testing::Test {
 protected:
  GpuPlanning() { job_.paths = {"/data"}; }

  void gpus(int count) {
    for (int i = 0; i < count; ++i)
      machine_.graph.endpoints.push_back({"gpu:" + std::to_string(i), "gpu", "GPU", 0, 0, "", ""});
    job_.accelerators = count;
  }
  void module(const std::string& name, const std::string& state = "ready", const std::string& reason = "") {
    ModuleInfo info;
    info.name = name;
    info.state = state;
    info.reason = reason;
    catalog_.modules.push_back(info);
  }
  std::vector<std::string> probes() {
    std::vector<std::string> names;
    for (const GpuMeasurement& one : plan_gpus(job_, catalog_, machine_).measurements)
      names.push_back(one.probe);
    return names;
  }

  Job job_;
  Catalog catalog_;
  topology::Machine machine_;
};

TEST_F(GpuPlanning, WithoutAGpuThereIsNothingAndTheTimeIsSharedAsEver) {
  for (const char* name : {"gpu", "nccl", "gds"}) module(name);
  const GpuPlan plan = plan_gpus(job_, catalog_, machine_);
  EXPECT_FALSE(plan.any());
  EXPECT_TRUE(plan.measurements.empty());
  EXPECT_TRUE(plan.left_out.empty());
  const auto profiles = workload::built_in_training_input();
  EXPECT_EQ(share_time(job_, profiles, plan).unit_s, share_time(job_, profiles).unit_s);
}

TEST_F(GpuPlanning, AllGpusTheirLinksAllReduceAndDirectStorageAreMeasured) {
  gpus(2);
  for (const char* name : {"gpu", "nccl", "gds"}) module(name);
  EXPECT_EQ(plan_gpus(job_, catalog_, machine_).to, "gpu:0,gpu:1");
  for (const char* probe :
       {"gpu.copy", "gpu.memory", "nccl.all_reduce", "storage.gds_read", "storage.gds_write"})
    EXPECT_THAT(probes(), Contains(probe));
  const auto profiles = workload::built_in_training_input();
  EXPECT_LT(share_time(job_, profiles, plan_gpus(job_, catalog_, machine_)).unit_s,
            share_time(job_, profiles).unit_s);  // it all fits the one budget
}

TEST_F(GpuPlanning, GpusBehindOneSwitchAreMeasuredTogetherToo) {
  gpus(4);
  topology::Topology& graph = machine_.graph;
  graph.endpoints.push_back({"memory:0", "memory", "NUMA node 0", 0, 0, "", ""});
  for (const char* name : {"a", "b"}) {
    const std::string bridge = std::string("pci:") + name, uplink = std::string("uplink ") + name;
    graph.endpoints.push_back({bridge, "pci_bridge", "", 0, 0, "", ""});
    topology::Resource resource;
    resource.id = uplink;
    resource.kind = "pcie_switch_uplink";
    graph.resources.push_back(resource);
    graph.links.push_back({"memory:0", bridge, uplink});
  }
  for (int gpu = 0; gpu < 4; ++gpu) {
    topology::Resource resource;
    resource.id = "link " + std::to_string(gpu);
    resource.kind = "pcie_link";
    graph.resources.push_back(resource);
    graph.links.push_back({gpu < 3 ? "pci:a" : "pci:b", "gpu:" + std::to_string(gpu), resource.id});
  }
  module("gpu");
  std::vector<std::string> groups;
  for (const GpuMeasurement& one : plan_gpus(job_, catalog_, machine_).measurements)
    if (one.given[0].second == "host-to-all") groups.push_back(one.given[1].second);
  // All, and the three behind one switch; the one behind the other has its own uplink to itself.
  EXPECT_THAT(groups, ::testing::ElementsAre("gpu:0,gpu:1,gpu:2,gpu:3", "gpu:0,gpu:1,gpu:2"));
}

TEST_F(GpuPlanning, SlowLinksGetSmallerCopies) {
  gpus(2);
  module("gpu");
  const auto sizes = [&](double slowest) {
    GpuPlan plan = plan_gpus(job_, catalog_, machine_);
    plan.size_copies(slowest);
    return plan.measurements.front().given[2].second;
  };
  EXPECT_EQ(sizes(60e6), std::to_string(1 << 20));
  EXPECT_EQ(sizes(1e9), std::to_string(4 << 20));
  EXPECT_EQ(sizes(25e9), "16MiB");
  EXPECT_EQ(sizes(std::numeric_limits<double>::infinity()), "16MiB");
}

TEST_F(GpuPlanning, FewerAcceleratorsTakeTheFirstGpusAndOneNeedsNoCollective) {
  gpus(4);
  for (const char* name : {"gpu", "nccl", "gds"}) module(name);
  job_.accelerators = 1;
  EXPECT_EQ(plan_gpus(job_, catalog_, machine_).to, "gpu:0");
  EXPECT_THAT(probes(), Not(Contains("nccl.all_reduce")));
}

TEST_F(GpuPlanning, WhatIsNotThereIsLeftOutWithItsReason) {
  gpus(2);
  module("gpu");
  module("nccl", "unavailable", "libnccl.so.2: cannot open");
  const GpuPlan plan = plan_gpus(job_, catalog_, machine_);
  EXPECT_TRUE(plan.any());
  EXPECT_FALSE(plan.direct);
  EXPECT_THAT(plan.left_out, Contains(HasSubstr("libnccl.so.2: cannot open")));
  EXPECT_THAT(plan.left_out,
              Contains(HasSubstr("GPUDirect Storage is left out: the module gds is not built")));
}

TEST_F(GpuPlanning, GpusWithoutTheirModuleLeaveHostMemoryInTheirPlace) {
  gpus(2);
  module("gpu", "unavailable", "CUDA_ERROR_NO_DEVICE (100)");
  EXPECT_FALSE(plan_gpus(job_, catalog_, machine_).any());
}

TEST_F(GpuPlanning, NothingIsWrittenBesideTheUsersOwnFiles) {
  gpus(1);
  for (const char* name : {"gpu", "gds"}) module(name);
  job_.datasets = {"/mine"};
  EXPECT_THAT(probes(), Not(Contains("storage.gds_write")));
  EXPECT_THAT(probes(), Not(Contains("storage.gds_read")));
}

TEST_F(GpuPlanning, ACapOnTemporaryDataIsKept) {
  gpus(2);
  for (const char* name : {"gpu", "gds"}) module(name);
  job_.size_cap = std::uint64_t{1} << 30;
  EXPECT_THAT(probes(), Contains("storage.gds_write"));
  job_.size_cap -= 1;
  EXPECT_THAT(probes(), Not(Contains("storage.gds_write")));
  EXPECT_THAT(plan_gpus(job_, catalog_, machine_).left_out, Contains(HasSubstr("--size-cap")));
}

TEST_F(GpuPlanning, SlowLinksScaleTheStepsAndLeaveEachReaderAFile) {
  gpus(2);
  job_.paths = {std::filesystem::temp_directory_path()};
  const auto profiles = workload::built_in_training_input();
  const TimePlan time = share_time(job_, profiles);
  const auto fast = plan_models(job_, profiles, 4e8, time),
             slow = plan_models(job_, profiles, 4e8, time, 4e7);
  ASSERT_TRUE(fast && slow);
  for (std::size_t i = 0; i < fast->size(); ++i) {
    EXPECT_GT((*slow)[i].factor, (*fast)[i].factor);
    const int readers = (*slow)[i].scaled.front().input.read_threads * job_.accelerators;
    EXPECT_GE((*slow)[i].files, static_cast<std::uint64_t>(readers));
    EXPECT_LE((*slow)[i].files, 256U);  // thousands of tiny ones take longer to make than to measure
  }
}

TEST_F(GpuPlanning, TheSlowestLinkSetsThePaceOfAll) {
  record::Measurement survey;
  survey.metrics["host_to_gpu0_bytes_per_s"].mean = 50e9;
  survey.metrics["host_to_gpu1_bytes_per_s"].mean = 10e9;
  survey.metrics["gpu:1:before:power_w"].mean = 120;
  EXPECT_DOUBLE_EQ(fed_over_links(survey, 2), 20e9);
  EXPECT_DOUBLE_EQ(fed_over_links(survey, 1), 10e9);
  EXPECT_TRUE(std::isinf(fed_over_links({}, 2)));
}

}  // namespace
}  // namespace millrace::run
