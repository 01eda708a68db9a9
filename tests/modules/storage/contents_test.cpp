// SPDX-License-Identifier: Apache-2.0
// What is read and written is exactly what should be.
#include <gtest/gtest.h>

#include "in_process_host.hpp"
#include "scratch.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

class Contents : public ::testing::Test {
 protected:
  InProcessHost host_{module_file("storage")};
  ScratchFolder folder_;
};

TEST_F(Contents, OfAFileAreReadToTheLastByteOncePerPass) {
  const std::uint64_t size = 3 * 1024 * 1024 + 12'345;
  write_random_file(folder_ / "data", size);
  for (const char* direct : {"on", "off"})
    for (const char* threads : {"1", "3"}) {
      const Measured m = host_.measure(
          "storage.read",
          {{"path", folder_ / "data"}, {"passes", "2"}, {"direct", direct}, {"threads", threads}}, 60s);
      ASSERT_TRUE(m.ok()) << m.what;
      EXPECT_EQ(m.bytes, 2 * size);
      EXPECT_EQ(m.operations, 2U * 25);
      EXPECT_EQ(m.latencies, m.operations);
      EXPECT_EQ(m.has_flag("cache-not-bypassed"), std::string(direct) == "off");
      EXPECT_EQ(m.temporaries.size(), 0U);
    }
}

TEST_F(Contents, OfAFileShorterThanABlockAreRead) {
  write_random_file(folder_ / "short", 700);
  for (const char* pattern : {"sequential", "random"}) {
    const Measured m = host_.measure(
        "storage.read", {{"path", folder_ / "short"}, {"passes", "4"}, {"pattern", pattern}}, 60s);
    ASSERT_TRUE(m.ok()) << m.what;
    EXPECT_EQ(m.bytes, 4U * 700);
  }
}

TEST_F(Contents, OfEveryFileOfADataSetAreReadWholeAndNothingIsWritten) {
  std::filesystem::create_directories(folder_ / "a/b");
  std::uint64_t total = 0;
  for (const auto& [name, size] : std::map<std::string, std::uint64_t>{
           {"one", 1}, {"a/two", 131072}, {"a/three", 131073}, {"a/b/four", 1'000'000}, {"a/b/empty", 0}}) {
    write_random_file(folder_ / name, size);
    total += size;
  }
  for (const char* threads : {"1", "2"}) {
    const Measured m = host_.measure(
        "storage.read", {{"dataset", folder_.path()}, {"passes", "3"}, {"threads", threads}}, 60s);
    ASSERT_TRUE(m.ok()) << m.what;
    EXPECT_EQ(m.bytes, 3 * total);
    EXPECT_EQ(m.temporaries.size(), 0U);
  }
}

TEST_F(Contents, OfTheProbesOwnFileAreVerifiedInEveryMode) {
  using Parameters = InProcessHost::Parameters;
  for (const Parameters& mode :
       {Parameters{}, Parameters{{"pattern", "random"}, {"block-size", "4KiB"}},
        Parameters{{"block-size", "512"}, {"direct", "off"}}, Parameters{{"registered-buffers", "off"}},
        Parameters{{"registered-files", "off"}}, Parameters{{"sqpoll", "on"}}, Parameters{{"rate", "2k"}},
        Parameters{{"threads", "2"}, {"pattern", "random"}}, Parameters{{"queue-depth", "1"}}}) {
    Parameters parameters = mode;
    parameters.insert({{"path", folder_.path()}, {"file-size", "8MiB"}, {"verify", "on"}});
    std::string shown;
    for (const auto& [name, value] : mode) shown += name + "=" + value + " ";
    for (const char* probe : {"storage.read", "storage.write"}) {
      const Measured m = host_.measure(probe, parameters, 150ms);
      ASSERT_TRUE(m.ok()) << probe << " " << shown << m.what;
      EXPECT_EQ(m.verified, true) << shown;
      ASSERT_GT(m.operations, 0U) << shown;  // on a busy disk, not many
      EXPECT_EQ(m.latencies, m.operations) << shown;
      EXPECT_EQ(m.bytes % m.operations, 0U) << shown;
      EXPECT_TRUE(folder_.empty()) << shown;
      EXPECT_EQ(m.temporaries.size(), 1U);
    }
  }
}

TEST_F(Contents, ThatChangeUnderTheReaderFailVerification) {
  // The temporary file has no name any more; it is reached through this process's descriptors.
  host_.when_opened([&] {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code error;
      const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
      if (target.find(".millrace-") == std::string::npos) continue;
      const int fd = open(entry.path().c_str(), O_WRONLY | O_CLOEXEC);
      ASSERT_GE(fd, 0);
      ASSERT_EQ(pwrite(fd, "wrong", 5, 4096 * 7 + 1000), 5);
      ASSERT_EQ(fsync(fd), 0);
      close(fd);
    }
  });
  const Measured m = host_.measure(
      "storage.read", {{"path", folder_.path()}, {"file-size", "1MiB"}, {"verify", "on"}, {"passes", "1"}},
      60s);
  EXPECT_EQ(m.run, MILLRACE_FAILED);
  EXPECT_NE(m.what.find("wrong data read at offset 28672"), std::string::npos) << m.what;
}

TEST_F(Contents, AreMadeDurableAtTheEndWhenAsked) {
  const Measured m = host_.measure(
      "storage.write", {{"path", folder_.path()}, {"file-size", "4MiB"}, {"fsync", "end"}, {"passes", "1"}},
      60s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.bytes, 4U << 20);
  ASSERT_EQ(m.samples.count("fsync_s"), 1U);
  EXPECT_GT(m.samples.at("fsync_s").front(), 0);
}

}  // namespace
}  // namespace millrace::testing
