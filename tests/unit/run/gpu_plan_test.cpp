// SPDX-License-Identifier: Apache-2.0
#include "run/gpu_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

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
  for (const char* probe : {"gpu.copy", "nccl.all_reduce", "storage.gds_read", "storage.gds_write"})
    EXPECT_THAT(probes(), Contains(probe));
  const auto profiles = workload::built_in_training_input();
  EXPECT_LT(share_time(job_, profiles, plan_gpus(job_, catalog_, machine_)).unit_s,
            share_time(job_, profiles).unit_s);  // it all fits the one budget
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
