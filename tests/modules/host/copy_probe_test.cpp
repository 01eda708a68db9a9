// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "in_process_host.hpp"
#include "quiet_moment.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;

class MemoryCopy : public ::testing::Test {
 protected:
  InProcessHost host_{module_file("host")};
};

TEST_F(MemoryCopy, CountsWholeChunksAndVerifiesThem) {
  const Measured m = host_.measure("memory.copy", {{"size", "64MiB"}, {"block-size", "1MiB"}}, 200ms);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_GT(m.operations, 64u);
  EXPECT_EQ(m.bytes, m.operations * kMiB);
  EXPECT_EQ(m.latencies, m.operations);
  EXPECT_EQ(m.verified, true);
  EXPECT_GT(m.publishes, 5u);
}

TEST_F(MemoryCopy, ItsLatenciesFillTheTimeOfItsThreads) {
  const Measured m = host_.measure("memory.copy", {{"threads", "2"}, {"size", "64MiB"}}, 300ms);
  ASSERT_TRUE(m.ok()) << m.what;
  double busy_s = 0;
  for (std::uint32_t bucket = 0; bucket < m.histogram.size(); ++bucket)
    busy_s += static_cast<double>(m.histogram[bucket] * millrace_latency_bucket_floor(bucket)) * 1e-9;
  EXPECT_GE(busy_s, 0.8 * 2 * 0.3);
  EXPECT_LE(busy_s, 2 * m.run_s);
}

TEST_F(MemoryCopy, AsksForTheMemoryThatItTakes) {
  const Measured m = host_.describe("memory.copy", {{"threads", "2"}, {"size", "512MiB"}});
  ASSERT_EQ(m.describe, MILLRACE_OK) << m.what;
  ASSERT_EQ(m.workers.size(), 1u);
  EXPECT_EQ(m.workers[0].threads, 2u);
  EXPECT_EQ(m.workers[0].from, "memory:0");
  EXPECT_EQ(m.workers[0].to, "memory:0");
  EXPECT_GE(m.workers[0].memory_bytes, 1024 * kMiB);
  EXPECT_LE(m.workers[0].memory_bytes, 1040 * kMiB);
}

TEST_F(MemoryCopy, RegularStoresWorkToo) {
  const Measured m = host_.measure("memory.copy", {{"stores", "regular"}, {"size", "64MiB"}}, 100ms);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.verified, true);
}

TEST_F(MemoryCopy, FlagsRegionsThatFitTheCaches) {
  const Measured m = host_.measure("memory.copy", {{"size", "64KiB"}, {"block-size", "64KiB"}}, 50ms);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_TRUE(m.has_flag("within-cache"));
  EXPECT_FALSE(host_.measure("memory.copy", {}, 50ms).has_flag("within-cache"));
}

TEST_F(MemoryCopy, ANodeThatIsNotThereIsRefusedWithThoseThatAre) {
  for (const char* side : {"to-node", "from-node"}) {
    const Measured m = host_.measure("memory.copy", {{side, "7"}}, 50ms);
    EXPECT_EQ(m.describe, MILLRACE_FAILED);
    EXPECT_NE(m.what.find("--" + std::string(side) + " 7"), std::string::npos) << m.what;
    EXPECT_NE(m.hint.find("its nodes are 0"), std::string::npos) << m.hint;
  }
}

TEST_F(MemoryCopy, SweepsThreadsByPowersOfTwoUpToWhatIsAsked) {
  const Measured m = host_.measure(
      "memory.copy", {{"sweep-threads", "on"}, {"threads", "5"}, {"size", "64MiB"}, {"block-size", "1MiB"}},
      200ms);
  ASSERT_TRUE(m.ok()) << m.what;
  std::vector<std::string> names;
  for (const auto& [name, values] : m.samples) {
    names.push_back(name);
    ASSERT_EQ(values.size(), 1u);
    EXPECT_GT(values[0], 0) << name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"threads_1_bytes_per_s", "threads_2_bytes_per_s",
                                             "threads_4_bytes_per_s", "threads_5_bytes_per_s",
                                             "threads_of_the_fastest"}));
  EXPECT_EQ(m.verified, true);
}

TEST_F(MemoryCopy, MeasuresTheFastestOfASweepAndNothingElseOfIt) {
  in_a_quiet_moment([&] {
    const Measured m = host_.measure(
        "memory.copy", {{"sweep-threads", "on"}, {"threads", "4"}, {"size", "64MiB"}, {"block-size", "1MiB"}},
        600ms);
    ASSERT_TRUE(m.ok()) << m.what;
    const double threads = m.samples.at("threads_of_the_fastest").at(0);
    const double best = m.samples.at(fmt::format("threads_{:.0f}_bytes_per_s", threads)).at(0);
    for (const auto& [name, values] : m.samples)
      if (name.ends_with("_bytes_per_s")) {
        EXPECT_LE(values[0], best) << name;
      }
#ifndef __SANITIZE_THREAD__  // whose own time lies between the copies
    double busy_s = 0;
    for (std::uint32_t bucket = 0; bucket < m.histogram.size(); ++bucket)
      busy_s += static_cast<double>(m.histogram[bucket] * millrace_latency_bucket_floor(bucket)) * 1e-9;
    EXPECT_NEAR(busy_s / m.run_s, threads, 0.25 * threads) << "as many threads copied as were fastest";
#endif
  });
}

TEST_F(MemoryCopy, WithoutASweepSaysNothingOfOne) {
  EXPECT_TRUE(host_.measure("memory.copy", {{"size", "64MiB"}}, 50ms).samples.empty());
}

TEST_F(MemoryCopy, ASweepTakesTheMemoryThatEachTurnNeeds) {
  const auto bytes = [&](const char* sweep) {
    return host_.describe("memory.copy", {{"threads", "4"}, {"sweep-threads", sweep}, {"size", "512MiB"}})
        .workers.at(0)
        .memory_bytes;
  };
  // One thread copies all of it alone, the second half of it beside the first, two more a quarter each.
  EXPECT_NEAR(static_cast<double>(bytes("on")), 2.0 * 1024 * kMiB, 20.0 * kMiB);
  EXPECT_NEAR(static_cast<double>(bytes("off")), 1.0 * 1024 * kMiB, 20.0 * kMiB);
}

}  // namespace
}  // namespace millrace::testing
