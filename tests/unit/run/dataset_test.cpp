// SPDX-License-Identifier: Apache-2.0
#include "run/dataset.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

class DatasetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::current_path() / "dataset-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    request_.directory = directory_;
    request_.record_bytes = 100'000;
    request_.files = 4;
  }
  void TearDown() override { fs::remove_all(directory_); }

  Dataset made() {
    auto dataset = make_dataset(request_);
    EXPECT_TRUE(dataset) << (dataset ? "" : dataset.error().what);
    return dataset.value_or(Dataset{});
  }
  std::size_t left() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }
  // A folder whose marker names an owner.
  fs::path folder_of(const std::string& name, const json& changes) {
    const Dataset dataset = made();
    fs::path folder = directory_ / name;
    fs::rename(dataset.directory, folder);
    json marker = json::parse(text_of(folder / kMarkerName));
    marker.update(changes);
    std::ofstream(folder / kMarkerName) << marker.dump();
    return folder;
  }

  fs::path directory_;
  DatasetRequest request_;
};

TEST(DrawRecordBytes, FollowsTheCutNormalDistribution) {
  constexpr double kMean = 1'000'000, kStdev = 200'000;
  const auto sizes = draw_record_bytes(kMean, kStdev, 20'000, 7);
  double sum = 0, squares = 0;
  for (const auto size : sizes) {
    sum += static_cast<double>(size);
    squares += std::pow(static_cast<double>(size) - kMean, 2);
  }
  const double n = static_cast<double>(sizes.size());
  EXPECT_NEAR(sum / n, kMean, 4 * kStdev / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), kStdev, 0.03 * kStdev);
  const auto within = std::count_if(sizes.begin(), sizes.end(), [](auto size) {
    return std::abs(static_cast<double>(size) - kMean) < kStdev;
  });
  EXPECT_NEAR(static_cast<double>(within) / n, 0.6827, 0.015);
}

TEST(DrawRecordBytes, KeepsTheMeanWhereTheCutBites) {
  // unet3d's spread: a cut on one side alone would raise the mean by 2 %.
  const auto sizes = draw_record_bytes(1'466'006, 683'418, 40'000, 3);
  const double mean = std::accumulate(sizes.begin(), sizes.end(), 0.0) / static_cast<double>(sizes.size());
  EXPECT_NEAR(mean / 1'466'006, 1.0, 0.01);
  EXPECT_GE(*std::min_element(sizes.begin(), sizes.end()), 146'600u);
}

TEST(DrawRecordBytes, IsTheSameForTheSameSeedAndConstantWithoutSpread) {
  EXPECT_EQ(draw_record_bytes(1e6, 1e5, 100, 1), draw_record_bytes(1e6, 1e5, 100, 1));
  EXPECT_NE(draw_record_bytes(1e6, 1e5, 100, 1), draw_record_bytes(1e6, 1e5, 100, 2));
  EXPECT_EQ(draw_record_bytes(4096, 0, 3, 1), (std::vector<std::uint64_t>{4096, 4096, 4096}));
}

TEST_F(DatasetTest, WritesTheRecordsThatItsManifestNames) {
  request_.samples_per_file = 5;
  request_.record_stdev_bytes = 20'000;
  const Dataset dataset = made();
  ASSERT_EQ(dataset.files.size(), 4u);
  EXPECT_EQ(dataset.records, 20u);
  const json manifest = json::parse(text_of(dataset.directory / kManifestName));
  EXPECT_EQ(manifest["schema"], kManifestSchema);
  EXPECT_EQ(manifest["content"], "raw");
  std::set<std::string> hashes;
  for (std::size_t f = 0; f < 4; ++f) {
    const json& file = manifest["files"][f];
    const std::string bytes = text_of(dataset.directory / file["name"].get<std::string>());
    EXPECT_EQ(bytes.size(), dataset.files[f].bytes);
    std::size_t at = 0;
    for (std::size_t r = 0; r < 5; ++r) {
      const auto size = file["record_bytes"][r].get<std::size_t>();
      ASSERT_LE(at + size, bytes.size());
      char expected[17];
      std::snprintf(expected, sizeof expected, "%016llx",
                    static_cast<unsigned long long>(XXH64(bytes.data() + at, size, 0)));
      EXPECT_EQ(file["xxh64"][r], expected);
      hashes.insert(expected);
      at += size;
    }
    EXPECT_EQ(at, bytes.size());
  }
  EXPECT_EQ(hashes.size(), 20u) << "no two records are alike";
}

TEST_F(DatasetTest, BytesDoNotCompressUnlessAsked) {
  request_.record_bytes = 2e6;
  request_.files = 1;
  const auto ratio = [&] {
    const Dataset dataset = made();
    const std::string bytes = text_of(dataset.files[0].path);
    std::string packed(ZSTD_compressBound(bytes.size()), '\0');
    return static_cast<double>(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3)) /
           static_cast<double>(bytes.size());
  };
  EXPECT_GT(ratio(), 0.999);
  request_.compressible = 0.75;
  EXPECT_NEAR(ratio(), 0.25, 0.05);
}

TEST_F(DatasetTest, AllocatesItsBlocksRatherThanLeavingHoles) {
  request_.record_bytes = 3e6;
  const Dataset dataset = made();
  for (const DatasetFile& file : dataset.files) {
    struct stat info {};
    ASSERT_EQ(stat(file.path.c_str(), &info), 0);
    EXPECT_GE(static_cast<std::uint64_t>(info.st_blocks) * 512, file.bytes);
  }
}

TEST_F(DatasetTest, StoresZstdFramesOfAboutTheSizeAskedFor) {
  request_.zstd = true;
  request_.compressible = 0.5;
  request_.samples_per_file = 3;
  request_.files = 1;
  const Dataset dataset = made();
  const json file = json::parse(text_of(dataset.directory / kManifestName))["files"][0];
  const std::string bytes = text_of(dataset.files[0].path);
  std::size_t at = 0;
  for (std::size_t r = 0; r < 3; ++r) {
    const auto size = file["record_bytes"][r].get<std::size_t>();
    EXPECT_NEAR(static_cast<double>(size), 100'000, 8'000);
    EXPECT_EQ(ZSTD_findFrameCompressedSize(bytes.data() + at, bytes.size() - at), size);
    EXPECT_EQ(ZSTD_getFrameContentSize(bytes.data() + at, size), file["content_bytes"][r].get<std::size_t>());
    at += size;
  }
  EXPECT_EQ(at, bytes.size());
}

TEST_F(DatasetTest, TakesAsManyWholeFilesAsTheTotalAllows) {
  request_.files = 0;
  request_.total_bytes = 1'050'000;
  EXPECT_EQ(made().files.size(), 10u);
  request_.total_bytes = 10;
  EXPECT_EQ(made().files.size(), 1u);
}

TEST_F(DatasetTest, TellsOfEveryPathBeforeItExists) {
  std::vector<fs::path> told;
  DatasetCalls calls;
  calls.on_create = [&](const fs::path& path) {
    EXPECT_FALSE(fs::exists(path)) << path;
    told.push_back(path);
  };
  std::uint64_t last = 0;
  calls.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, 400'000u);
    last = done;
  };
  const auto dataset = make_dataset(request_, calls);
  ASSERT_TRUE(dataset) << dataset.error().what;
  EXPECT_EQ(last, 400'000u);
  EXPECT_EQ(told.front(), dataset->directory);
  for (const auto& entry : fs::directory_iterator(dataset->directory)) {
    const bool was_told = std::find(told.begin(), told.end(), entry.path()) != told.end();
    EXPECT_TRUE(was_told || entry.path().filename() == kMarkerName) << entry.path();
  }
}

TEST_F(DatasetTest, LeavesNothingWhenItIsStopped) {
  int calls_left = 3;
  DatasetCalls calls;
  calls.cancelled = [&] { return --calls_left < 0; };
  const auto dataset = make_dataset(request_, calls);
  ASSERT_FALSE(dataset);
  EXPECT_EQ(dataset.error().exit, Exit::kInterrupted);
  EXPECT_EQ(left(), 0u);
}

TEST_F(DatasetTest, RefusesWhatTheCapOrTheDiskCannotHold) {
  request_.max_bytes = 300'000;
  auto dataset = make_dataset(request_);
  ASSERT_FALSE(dataset);
  EXPECT_THAT(dataset.error().what, HasSubstr("size cap"));
  request_.max_bytes = 0;
  for (const double record : {1e15, 1e6}) {
    request_.record_bytes = record;
    request_.files = 1;
    request_.samples_per_file = record > 1e9 ? 1 : 1'000'000'000;
    dataset = make_dataset(request_);
    ASSERT_FALSE(dataset);
    EXPECT_THAT(dataset.error().what, HasSubstr("free"));
  }
  EXPECT_EQ(left(), 0u);
}

TEST_F(DatasetTest, NamesADirectoryThatIsMissing) {
  request_.directory = directory_ / "nowhere";
  const auto dataset = make_dataset(request_);
  ASSERT_FALSE(dataset);
  EXPECT_THAT(dataset.error().what, HasSubstr("nowhere"));
  EXPECT_THAT(dataset.error().hint, HasSubstr("create"));
}

TEST_F(DatasetTest, ReportsAFileSystemThatRefusesToWrite) {
  request_.directory = "/proc";
  const auto dataset = make_dataset(request_);
  ASSERT_FALSE(dataset);
  EXPECT_NE(dataset.error().hint, "");
}

TEST_F(DatasetTest, OpensAUsersFilesInOrderAndLeavesOutHiddenOnes) {
  fs::create_directories(directory_ / "b");
  fs::create_directories(directory_ / ".cache");
  std::ofstream(directory_ / "b" / "two") << "22";
  std::ofstream(directory_ / "a") << "1";
  std::ofstream(directory_ / ".hidden") << "x";
  std::ofstream(directory_ / ".cache" / "x") << "x";
  std::ofstream(directory_ / "empty") << "";
  const auto dataset = open_dataset(directory_);
  ASSERT_TRUE(dataset) << dataset.error().what;
  ASSERT_EQ(dataset->files.size(), 2u);
  EXPECT_EQ(dataset->files[0].path, directory_ / "a");
  EXPECT_EQ(dataset->files[1].bytes, 2u);
  EXPECT_EQ(dataset->bytes, 3u);
  EXPECT_FALSE(dataset->ours);
}

TEST_F(DatasetTest, OpensItsOwnDatasetWithoutTheBookkeeping) {
  const Dataset dataset = made();
  const auto opened = open_dataset(dataset.directory);
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_TRUE(opened->ours);
  EXPECT_EQ(opened->files.size(), 4u);
  EXPECT_EQ(opened->bytes, dataset.bytes);
}

TEST_F(DatasetTest, AFolderWithoutDataIsAnError) {
  EXPECT_FALSE(open_dataset(directory_));
  EXPECT_FALSE(open_dataset(directory_ / "nowhere"));
}

TEST_F(DatasetTest, OwnFoldersAreNotStaleWhileTheirProcessLives) {
  const Dataset dataset = made();
  EXPECT_TRUE(find_stale(directory_).empty()) << dataset.directory;
}

TEST_F(DatasetTest, WhatAKilledProcessLeftIsStaleAndGoes) {
  const pid_t child = fork();
  if (child == 0) _exit(make_dataset(request_) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto stale = find_stale(directory_);
  ASSERT_EQ(stale.size(), 1u);
  const auto removed = remove_ours(stale[0]);
  EXPECT_TRUE(removed) << removed.error().what;
  EXPECT_EQ(left(), 0u);
}

TEST_F(DatasetTest, AFolderOfAnEarlierBootOrOfAProcessNumberUsedAgainIsStale) {
  const fs::path rebooted = folder_of("millrace-data-1-00000001", {{"boot_id", "another"}});
  const fs::path reused = folder_of("millrace-data-1-00000002", {{"start_ticks", 1}});
  EXPECT_EQ(find_stale(directory_), (std::vector<fs::path>{rebooted, reused}));
}

TEST_F(DatasetTest, AFolderOfAnotherHostOrContainerIsLeftAlone) {
  folder_of("millrace-data-1-00000001", {{"host", "elsewhere"}, {"boot_id", "another"}});
  folder_of("millrace-data-1-00000002", {{"pid_namespace", "pid:[1]"}, {"pid", 4'194'303}});
  folder_of("millrace-data-1-00000003", {{"pid", "no number"}});
  EXPECT_TRUE(find_stale(directory_).empty());
}

TEST_F(DatasetTest, RemovesOnlyWhatIsOurs) {
  const Dataset dataset = made();
  std::ofstream(dataset.directory / "thesis.tex") << "years of work";
  const auto removed = remove_ours(dataset.directory);
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().what, HasSubstr("1 entries"));
  EXPECT_EQ(text_of(dataset.directory / "thesis.tex"), "years of work");
  EXPECT_FALSE(fs::exists(dataset.files[0].path));
  fs::remove(dataset.directory / "thesis.tex");
  EXPECT_TRUE(remove_ours(dataset.directory)) << "the marker stayed, so that this is still ours";
}

TEST_F(DatasetTest, RefusesFoldersWithoutNameOrMarker) {
  const fs::path named = directory_ / "millrace-data-1-00000001", other = directory_ / "other";
  for (const fs::path& folder : {named, other}) {
    fs::create_directory(folder);
    std::ofstream(folder / "data-000000.bin") << "precious";
    EXPECT_FALSE(remove_ours(folder));
    EXPECT_EQ(text_of(folder / "data-000000.bin"), "precious");
  }
  EXPECT_TRUE(find_stale(directory_).empty());
}

TEST_F(DatasetTest, FollowsNoSymbolicLink) {
  const Dataset dataset = made();
  const fs::path precious = directory_ / "precious";
  std::ofstream(precious) << "keep";
  fs::create_symlink(precious, dataset.directory / "data-999999.bin");
  fs::create_symlink(dataset.directory, directory_ / "millrace-data-9-99999999");
  EXPECT_FALSE(remove_ours(directory_ / "millrace-data-9-99999999"));
  EXPECT_TRUE(fs::exists(dataset.files[0].path));
  EXPECT_FALSE(remove_ours(dataset.directory)) << "a link is not ours";
  EXPECT_EQ(text_of(precious), "keep");
}

}  // namespace
}  // namespace millrace::run
