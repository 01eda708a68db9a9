// SPDX-License-Identifier: Apache-2.0
// That the bytes are right: what reaches the device is what lies in the files, prepared.
#include "pipeline_fixture.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

struct Case {
  const char* source;
  const char* prep;
  std::uint64_t samples;  // records a file
  double record_bytes;
};

class PipelineTruth : public PipelineTest, public ::testing::WithParamInterface<Case> {};

TEST_P(PipelineTruth, WhatReachesTheDeviceEqualsTheFiles) {
  const Case c = GetParam();
  const run::Dataset dataset = make(c.samples, c.record_bytes, std::string(c.prep) == "decompress");
  const Measured m = host_.measure("ingest.pipeline",
                                   {{"dataset", dataset.directory},
                                    {"source", c.source},
                                    {"prep", c.prep},
                                    {"batch", "5"},
                                    {"prep-threads", "2"},
                                    {"read-threads", "2"},
                                    {"block-size", "256KiB"},
                                    {"steps", "30"},
                                    {"verify", "on"}},
                                   20s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.verified, true);
  EXPECT_EQ(m.operations, 150u);
  EXPECT_EQ(m.samples.at("step_s").size(), 29u);
  EXPECT_EQ(m.latencies, 29u);
  EXPECT_EQ(stage(m, "compute").bytes, m.bytes);
  EXPECT_NEAR(static_cast<double>(m.bytes) / 150, c.record_bytes, 0.2 * c.record_bytes);
  EXPECT_TRUE(m.temporaries.empty()) << "it writes nothing";
}

INSTANTIATE_TEST_SUITE_P(
    , PipelineTruth,
    ::testing::Values(Case{"cold", "none", 1, 1'000'001}, Case{"cold", "checksum", 20, 50'003},
                      Case{"cold", "decompress", 1, 400'000}, Case{"cold", "decompress", 9, 30'000},
                      Case{"cold", "normalize", 4, 300'007}, Case{"cached", "none", 40, 20'011},
                      Case{"cached", "checksum", 1, 2'000'003}, Case{"synthetic", "normalize", 3, 100'001},
                      Case{"synthetic", "decompress", 3, 100'001}),
    [](const auto& tested) {
      return std::string(tested.param.source) + "_" + tested.param.prep + "_" +
             std::to_string(tested.param.samples);
    });

TEST_F(PipelineTest, EveryRecordIsReadOncePerEpoch) {
  const run::Dataset dataset = make(6, 40'000);
  const Measured m = host_.measure("ingest.pipeline",
                                   {{"dataset", dataset.directory},
                                    {"batch", std::to_string(dataset.records)},
                                    {"steps", "2"},
                                    {"read-threads", "1"}},
                                   20s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.operations, 2 * dataset.records);
  EXPECT_EQ(m.bytes, 2 * dataset.bytes);
}

TEST_F(PipelineTest, AUsersFilesAreRecordsOfTheSizeGiven) {
  const run::Dataset dataset = make(1, 1'000'000);
  std::filesystem::remove(dataset.directory / run::kManifestName);
  const Measured m = host_.measure("ingest.pipeline",
                                   {{"dataset", dataset.directory},
                                    {"record-size", "100000"},
                                    {"batch", "3"},
                                    {"steps", "10"},
                                    {"verify", "on"}},
                                   20s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.bytes, 30u * 100'000u);
  EXPECT_EQ(m.verified, true);
}

TEST_F(PipelineTest, ASyntheticSourceNeedsNoFiles) {
  const Measured m = host_.measure("ingest.pipeline",
                                   {{"source", "synthetic"},
                                    {"record-size", "100kB"},
                                    {"record-stdev", "20kB"},
                                    {"prep", "normalize"},
                                    {"batch", "4"},
                                    {"steps", "50"},
                                    {"verify", "on"}},
                                   20s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.verified, true);
  EXPECT_EQ(m.operations, 200u);
  EXPECT_EQ(m.workers.at(0).from, "memory:0");
}

}  // namespace
}  // namespace millrace::testing
