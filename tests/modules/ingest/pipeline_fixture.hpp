// SPDX-License-Identifier: Apache-2.0
// A data set on the real file system, and the two modules that a pipeline needs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <numeric>
#include <string>

#include "in_process_host.hpp"
#include "run/dataset.hpp"

namespace millrace::testing {

class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::current_path() / "pipeline-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    host_.add_memories(module_file("host"));
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // 24 MB in files of `samples` records, of sizes that are aligned to nothing.
  run::Dataset make(std::uint64_t samples, double record_bytes, bool zstd = false) {
    run::DatasetRequest request;
    request.directory = directory_;
    request.record_bytes = record_bytes;
    request.record_stdev_bytes = record_bytes / 4;
    request.samples_per_file = samples;
    request.total_bytes = 24'000'000;
    request.zstd = zstd;
    request.compressible = zstd ? 0.5 : 0;
    auto dataset = run::make_dataset(request);
    EXPECT_TRUE(dataset) << (dataset ? "" : dataset.error().what);
    return dataset.value_or(run::Dataset{});
  }

  static const MeasuredStage& stage(const Measured& m, const std::string& name) {
    for (const MeasuredStage& s : m.stages)
      if (s.name == name) return s;
    static const MeasuredStage none;
    ADD_FAILURE() << "no stage " << name;
    return none;
  }
  static double busy(const Measured& m, const std::string& name) {
    return share(m, name, &MeasuredStage::busy_s);
  }
  static double starved(const Measured& m, const std::string& name) {
    return share(m, name, &MeasuredStage::blocked_on_input_s);
  }
  static double blocked(const Measured& m, const std::string& name) {
    return share(m, name, &MeasuredStage::blocked_on_output_s);
  }
  static double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  static double utilization(const Measured& m) {
    const auto found = m.samples.find("accelerator_utilization_share");
    return found == m.samples.end() || found->second.size() != 1 ? -1 : found->second[0];
  }

  std::filesystem::path directory_;
  InProcessHost host_{module_file("ingest")};

 private:
  static double share(const Measured& m, const std::string& name, double MeasuredStage::*time) {
    const MeasuredStage& s = stage(m, name);
    return s.*time / (s.wall_s * s.threads);
  }
};

}  // namespace millrace::testing
