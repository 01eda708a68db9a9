// SPDX-License-Identifier: Apache-2.0
// What goes wrong ends the run at once, with what, where and the way out.
#include <fstream>
#include <thread>

#include "pipeline_fixture.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

using PipelineFaults = PipelineTest;

TEST_F(PipelineFaults, ACancelledRunEndsSoonWhereverItStands) {
  const run::Dataset dataset = make(1, 500'000);
  const InProcessHost::Parameters slow_prep{
      {"dataset", dataset.directory}, {"prep", "checksum"}, {"prep-passes", "400"}, {"batch", "40"}};
  const InProcessHost::Parameters fast{{"dataset", dataset.directory}, {"batch", "2"}};
  for (const auto& parameters : {slow_prep, fast})
    for (const auto time : {0ms, 3ms, 100ms}) {
      const Measured m = host_.measure("ingest.pipeline", parameters, time);
      EXPECT_TRUE(m.ok()) << m.what;
      EXPECT_LT(m.run_s, std::chrono::duration<double>(time).count() + 1.0);
    }
}

TEST_F(PipelineFaults, AFileThatVanishesIsNamed) {
  const run::Dataset dataset = make(1, 500'000);
  host_.when_opened([&] { fs::remove(dataset.files[3].path); });
  const Measured m = host_.measure("ingest.pipeline", {{"dataset", dataset.directory}}, 10s);
  EXPECT_EQ(m.run, MILLRACE_FAILED);
  EXPECT_THAT(m.what, HasSubstr(dataset.files[3].path.filename().string()));
  EXPECT_THAT(m.what, HasSubstr("No such file"));
  EXPECT_LT(m.run_s, 5);
}

TEST_F(PipelineFaults, AFileThatIsCutShortIsNamedWithTheOffset) {
  const run::Dataset dataset = make(1, 500'000);
  host_.when_opened([&] { fs::resize_file(dataset.files[2].path, 100'000); });
  for (const char* source : {"cold", "cached"}) {
    const Measured m =
        host_.measure("ingest.pipeline", {{"dataset", dataset.directory}, {"source", source}}, 10s);
    if (m.describe != MILLRACE_OK) break;  // the second time it is cut from the beginning: see below
    EXPECT_EQ(m.run, MILLRACE_FAILED);
    EXPECT_THAT(m.what, HasSubstr("ends at offset 100000")) << source;
  }
  const Measured again = host_.describe("ingest.pipeline", {{"dataset", dataset.directory}});
  EXPECT_EQ(again.describe, MILLRACE_FAILED);
  EXPECT_THAT(again.what, HasSubstr("has 100000 bytes"));
}

TEST_F(PipelineFaults, CorruptDataFailTheChecksumAndAreNamed) {
  const run::Dataset dataset = make(4, 100'000);
  {
    std::fstream file(dataset.files[1].path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(150'000);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(150'000);
    file.put(byte);
  }
  const Measured m =
      host_.measure("ingest.pipeline", {{"dataset", dataset.directory}, {"prep", "checksum"}}, 10s);
  EXPECT_EQ(m.run, MILLRACE_FAILED);
  EXPECT_THAT(m.what, HasSubstr(dataset.files[1].path.filename().string()));
  EXPECT_THAT(m.what, HasSubstr("XXH64"));
  EXPECT_TRUE(
      host_.measure("ingest.pipeline", {{"dataset", dataset.directory}, {"prep", "normalize"}}, 100ms).ok())
      << "who does not look does not see";
}

TEST_F(PipelineFaults, FramesThatAreNoneAreRefusedBeforeTheRun) {
  const run::Dataset dataset = make(1, 500'000);
  const Measured m =
      host_.measure("ingest.pipeline", {{"dataset", dataset.directory}, {"prep", "decompress"}}, 1s);
  EXPECT_EQ(m.describe, MILLRACE_FAILED);
  EXPECT_THAT(m.what, HasSubstr("no zstd frame"));
}

TEST_F(PipelineFaults, WhatIsMissingIsAskedFor) {
  EXPECT_THAT(host_.describe("ingest.pipeline", {}).hint, HasSubstr("--dataset"));
  EXPECT_THAT(host_.describe("ingest.pipeline", {{"source", "synthetic"}}).hint, HasSubstr("--record-size"));
  EXPECT_THAT(host_.describe("ingest.pipeline", {{"dataset", "/nonexistent"}}).what,
              HasSubstr("/nonexistent"));
  EXPECT_THAT(host_.describe("ingest.pipeline", {{"dataset", directory_}}).what, HasSubstr("no data"));
  std::ofstream(directory_ / "one") << "a record";
  EXPECT_THAT(host_.describe("ingest.pipeline", {{"dataset", directory_}, {"accelerators", "2"}}).what,
              HasSubstr("too small"));
}

TEST_F(PipelineFaults, AMemoryThatDoesNotExistIsRefusedBeforeAnythingStarts) {
  const run::Dataset dataset = make(1, 500'000);
  const Measured m = host_.describe("ingest.pipeline", {{"dataset", dataset.directory}, {"to", "tape"}});
  EXPECT_EQ(m.describe, MILLRACE_FAILED);
  EXPECT_THAT(m.what, HasSubstr("tape"));
  EXPECT_THAT(m.hint, HasSubstr("host"));
}

TEST_F(PipelineFaults, AGpuOnAMachineWithoutOneIsAReasonToSkipBeforeAnythingStarts) {
  const run::Dataset dataset = make(1, 500'000);
  for (const char* to : {"gpu:0", "gpu:all", "gpu:0,gpu:1"}) {
    const Measured m = host_.describe("ingest.pipeline", {{"dataset", dataset.directory}, {"to", to}});
    EXPECT_EQ(m.describe, MILLRACE_UNAVAILABLE) << to;
    EXPECT_THAT(m.what, HasSubstr("this machine has no GPU"));
    EXPECT_THAT(m.hint, HasSubstr("--to host"));
  }
}

TEST_F(PipelineFaults, DataInMemoryAreFlaggedAsNotBypassingTheCache) {
  if (!fs::is_directory("/dev/shm")) GTEST_SKIP() << "needs /dev/shm";
  const fs::path disk = directory_;
  const run::Dataset on_disk = make(1, 500'000);
  std::string in_memory = "/dev/shm/pipeline-test-XXXXXX";
  ASSERT_NE(mkdtemp(in_memory.data()), nullptr);
  directory_ = in_memory;
  const run::Dataset dataset = make(1, 500'000);
  const Measured m =
      host_.measure("ingest.pipeline", {{"dataset", dataset.directory}, {"verify", "on"}}, 200ms);
  fs::remove_all(directory_);
  directory_ = disk;
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.verified, true);
  EXPECT_TRUE(m.has_flag("cache-not-bypassed"));
  const Measured cached =
      host_.measure("ingest.pipeline", {{"dataset", on_disk.directory}, {"source", "cached"}}, 100ms);
  EXPECT_FALSE(cached.has_flag("cache-not-bypassed"));
}

}  // namespace
}  // namespace millrace::testing
