// SPDX-License-Identifier: Apache-2.0
// Block devices: read as they are, and overwritten only when nothing can be lost that was not named.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "in_process_host.hpp"
#include "scratch.hpp"

namespace millrace::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kDeviceBytes = 16 << 20;

class Device : public ::testing::Test {
 protected:
  void SetUp() override {
    write_random_file(folder_ / "backing", kDeviceBytes);
    device_ = LoopDevice::over(folder_ / "backing");
    if (!device_) GTEST_SKIP() << "loop devices cannot be made here (needs root)";
  }

  // The contents, past the page cache of the device.
  std::string contents() {
    std::ifstream file(folder_ / "backing", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

  // Writing is refused for this reason, and not a byte changes.
  void expect_refused(const std::string& part_of_what, const std::string& part_of_hint, bool destroy = true) {
    const std::string before = contents();
    InProcessHost::Parameters parameters = {{"path", device_->path()}, {"block-size", "4KiB"}};
    if (destroy) parameters["destroy"] = device_->path();
    const Measured m = host_.measure("storage.write", parameters, 100ms);
    EXPECT_EQ(m.describe, MILLRACE_FAILED);
    EXPECT_NE(m.what.find(part_of_what), std::string::npos) << m.what;
    EXPECT_NE(m.hint.find(part_of_hint), std::string::npos) << m.hint;
    EXPECT_TRUE(contents() == before);
  }

  InProcessHost host_{module_file("storage")};
  ScratchFolder folder_;
  std::optional<LoopDevice> device_;
};

TEST_F(Device, IsReadToItsEnd) {
  const Measured m = host_.measure(
      "storage.read", {{"path", device_->path()}, {"passes", "1"}, {"block-size", "96KiB"}}, 60s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.bytes, kDeviceBytes);
}

// How the open descriptors of this process may use a path: O_RDONLY, O_RDWR.
std::vector<int> access_modes(const std::string& path) {
  std::vector<int> modes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != path) continue;
    modes.push_back(fcntl(std::stoi(entry.path().filename()), F_GETFL) & O_ACCMODE);
  }
  return modes;
}

TEST_F(Device, IsOpenedReadOnlyForReading) {
  const std::vector<int> before = access_modes(device_->path());  // the loop device's own
  std::vector<int> during;
  host_.when_opened([&] { during = access_modes(device_->path()); });
  const Measured m = host_.measure("storage.read", {{"path", device_->path()}, {"passes", "1"}}, 60s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(during.size(), before.size() + 1);
  EXPECT_EQ(std::ranges::count(during, O_RDWR), std::ranges::count(before, O_RDWR));
}

TEST_F(Device, ThatWasWrittenWithASeedIsVerifiedByReadingWithIt) {
  const InProcessHost::Parameters all = {
      {"path", device_->path()}, {"block-size", "96KiB"}, {"passes", "1"}, {"seed", "7"}};
  InProcessHost::Parameters writing = all, reading = all, other = all;
  writing["destroy"] = device_->path();
  reading["verify"] = other["verify"] = "on";
  other["seed"] = "8";
  ASSERT_TRUE(host_.measure("storage.write", writing, 60s).ok());
  const Measured right = host_.measure("storage.read", reading, 60s);
  ASSERT_TRUE(right.ok()) << right.what;
  EXPECT_EQ(right.verified, true);
  const Measured wrong = host_.measure("storage.read", other, 60s);
  EXPECT_EQ(wrong.run, MILLRACE_FAILED);
  EXPECT_NE(wrong.what.find("wrong data read at offset"), std::string::npos) << wrong.what;
  EXPECT_NE(wrong.hint.find("with this --seed"), std::string::npos) << wrong.hint;
}

TEST_F(Device, IsNotVerifiedWithoutTheSeedOfItsContents) {
  const Measured m = host_.measure("storage.read", {{"path", device_->path()}, {"verify", "on"}}, 100ms);
  EXPECT_EQ(m.describe, MILLRACE_FAILED);
  EXPECT_NE(m.hint.find("--seed"), std::string::npos) << m.hint;
}

TEST_F(Device, IsNotWrittenWithoutDestroyNamingIt) {
  expect_refused("is a block device: writing would destroy", "--destroy " + device_->path(), false);
}

TEST_F(Device, IsNotWrittenWhenDestroyNamesAnother) {
  write_random_file(folder_ / "other", 1 << 20);
  const auto other = LoopDevice::over(folder_ / "other");
  ASSERT_TRUE(other);
  const Measured m =
      host_.measure("storage.write", {{"path", device_->path()}, {"destroy", other->path()}}, 100ms);
  EXPECT_NE(m.what.find("writing would destroy"), std::string::npos) << m.what;
}

TEST_F(Device, WithAFileSystemIsNotWrittenEvenWhenNamed) {
  if (!run("mkfs.ext4 -q -F " + device_->path())) GTEST_SKIP() << "mkfs.ext4 is missing";
  expect_refused("holds ext4", "wipefs");
}

TEST_F(Device, WithAFileSystemThatIsMountedIsNotWrittenEvenWhenNamed) {
  if (!run("mkfs.ext4 -q -F " + device_->path())) GTEST_SKIP() << "mkfs.ext4 is missing";
  std::filesystem::create_directory(folder_ / "mnt point");
  const auto mounted = Mount::of(device_->path(), folder_ / "mnt point", "ext4", MS_RDONLY, "");
  if (!mounted) GTEST_SKIP() << "ext4 cannot be mounted here";
  expect_refused("is mounted at " + folder_ / "mnt point", "unmount");
}

TEST_F(Device, WithSwapSpaceIsNotWrittenEvenWhenNamed) {
  if (!run("mkswap " + device_->path())) GTEST_SKIP() << "mkswap is missing";
  expect_refused("holds swap", "wipefs");
}

TEST_F(Device, WithAPartitionTableIsNotWrittenEvenWhenNamed) {
  // A master boot record with one Linux partition: 1,000 sectors from the eighth.
  std::string record(512, '\0');
  record[446 + 4] = '\x83';
  record[446 + 8] = 8;
  record[446 + 12] = '\xe8';
  record[446 + 13] = 3;
  record[510] = '\x55';
  record[511] = '\xaa';
  std::ofstream(device_->path(), std::ios::binary | std::ios::in) << record << std::flush;
  expect_refused("partition table (dos)", "wipefs");
}

TEST_F(Device, ThatHoldsNothingKnownIsWrittenAndVerifiedWhenNamed) {
  for (const char* pattern : {"sequential", "random"}) {
    const Measured m = host_.measure("storage.write",
                                     {{"path", device_->path()},
                                      {"destroy", device_->path()},
                                      {"block-size", "64KiB"},
                                      {"pattern", pattern},
                                      {"passes", "1"}},
                                     60s);
    ASSERT_TRUE(m.ok()) << m.what;
    EXPECT_EQ(m.bytes, kDeviceBytes);
  }
}

TEST_F(Device, ThatFailsEndsTheMeasurementWithErrnoAndOffset) {
  // The second half of the backing file vanishes: the loop device then reports an I/O error there.
  std::filesystem::resize_file(folder_ / "backing", kDeviceBytes / 2);
  const Measured m =
      host_.measure("storage.read", {{"path", device_->path()}, {"passes", "1"}, {"queue-depth", "1"}}, 60s);
  EXPECT_EQ(m.run, MILLRACE_FAILED);
  EXPECT_NE(m.what.find("EIO"), std::string::npos) << m.what;
  EXPECT_NE(m.what.find("at offset 8388608 of " + device_->path()), std::string::npos) << m.what;
}

TEST_F(Device, SeveralAreReadAtTheSameTime) {
  write_random_file(folder_ / "other", kDeviceBytes);
  const auto other = LoopDevice::over(folder_ / "other");
  ASSERT_TRUE(other);
  const Measured m = host_.measure(
      "storage.read", {{"path", device_->path() + ":" + other->path()}, {"passes", "1"}, {"threads", "2"}},
      60s);
  ASSERT_TRUE(m.ok()) << m.what;
  EXPECT_EQ(m.bytes, 2 * kDeviceBytes);
}

}  // namespace
}  // namespace millrace::testing
