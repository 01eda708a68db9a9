// SPDX-License-Identifier: Apache-2.0
#include "modules/host/cores.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace millrace::host {
namespace {

namespace fs = std::filesystem;

class Cores : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("millrace-cores-" + std::to_string(getpid()));
    allowed_ = cpus_of_node(0, "/nonexistent");
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << "\n";
  }
  void cpu(int number, const std::string& siblings, const std::string& sharers, const std::string& size) {
    const std::string base = "devices/system/cpu/cpu" + std::to_string(number);
    write(base + "/topology/thread_siblings_list", siblings);
    write(base + "/cache/index3/shared_cpu_list", sharers);
    write(base + "/cache/index3/size", size);
  }

  fs::path root_;
  std::vector<int> allowed_;
};

TEST_F(Cores, OneCpuOfEachCoreComesBeforeTheSecondOfAny) {
  if (allowed_.size() < 2) GTEST_SKIP() << "needs two CPUs";
  for (const int number : allowed_) cpu(number, "all", "all", "1024K");
  EXPECT_EQ(cores_of_node(0, root_), 1u);
  EXPECT_EQ(cpus_of_node(0, root_).size(), allowed_.size());
  EXPECT_EQ(cores_of_node(0, "/nonexistent"), allowed_.size());
}

TEST_F(Cores, ACacheThatCpusShareCountsOnce) {
  for (const int number : allowed_) cpu(number, std::to_string(number), "all", "32768K");
  EXPECT_EQ(last_level_caches(root_), std::uint64_t{32} << 20);
  for (const int number : allowed_) cpu(number, std::to_string(number), std::to_string(number), "2M");
  EXPECT_EQ(last_level_caches(root_), (std::uint64_t{2} << 20) * allowed_.size());
  EXPECT_EQ(last_level_caches("/nonexistent"), 0u);
}

TEST_F(Cores, AThreadStaysWhereItIsPinned) {
  std::thread([&] {
    ASSERT_TRUE(pin_to(allowed_.back()));
    EXPECT_EQ(sched_getcpu(), allowed_.back());
  }).join();
  EXPECT_FALSE(pin_to(1023));
}

}  // namespace
}  // namespace millrace::host
