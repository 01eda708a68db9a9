// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "sample.hpp"

namespace millrace::record {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

// A file system of its own with 64 KiB of room; skips where mounting is not permitted.
class SmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
      GTEST_SKIP() << "may not mount a small tmpfs: " << std::strerror(errno);
    }
    mounted = true;
  }
  void TearDown() override {
    if (mounted) umount2(folder.path().c_str(), MNT_DETACH);
  }
  TemporaryFolder folder;
  bool mounted = false;
};

TEST_F(SmallDisk, KeepsTheOldFileAndNoTemporaryWhenItIsFull) {
  ASSERT_TRUE(write_text("the old one\n", folder / "r.json"));
  const auto wrote = write_text(std::string(100'000, 'x'), folder / "r.json");
  ASSERT_FALSE(wrote);
  EXPECT_EQ(wrote.error().what, "cannot write " + (folder / "r.json").native() + ": No space left on device");
  EXPECT_THAT(wrote.error().hint, HasSubstr("make room"));
  EXPECT_EQ(content_of(folder / "r.json"), "the old one\n");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST_F(SmallDisk, KeepsTheWholeRecordsOfAJournalWhenItIsFull) {
  auto journal = Journal::create(folder / "j", full_header());
  ASSERT_TRUE(journal) << journal.error().what;
  Measurement m = full_document().measurements[0];
  std::size_t kept = 0;
  Result<void> added;
  for (; kept < 1000 && added; kept += added.has_value()) {
    m.id = fmt::format("m{}", kept);
    added = journal->add(m);
  }
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().what, HasSubstr("No space left on device"));
  const auto read = read_journal(folder / "j");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->measurements.size(), kept);
  EXPECT_FALSE(read->torn);
}

TEST_F(SmallDisk, IsFoundReadOnlyBeforeAnythingIsMeasured) {
  ASSERT_EQ(mount(nullptr, folder.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const auto writable = check_writable(folder / "r.json");
  ASSERT_FALSE(writable);
  EXPECT_THAT(writable.error().what, HasSubstr("Read-only file system"));
  EXPECT_THAT(writable.error().hint, HasSubstr("mounted read-only"));
  EXPECT_THAT(write_text("x", folder / "r.json").error().what, HasSubstr("Read-only file system"));
}

TEST(WriteText, ReplacesAFileAndKeepsItsMode) {
  const TemporaryFolder folder;
  put_content(folder / "r.json", "old");
  ASSERT_EQ(chmod((folder / "r.json").c_str(), 0640), 0);
  ASSERT_TRUE(write_text("new", folder / "r.json"));
  EXPECT_EQ(content_of(folder / "r.json"), "new");
  struct stat status = {};
  ASSERT_EQ(stat((folder / "r.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(WriteText, GivesANewFileTheModeThatTheUmaskLeaves) {
  const TemporaryFolder folder;
  const mode_t before = umask(027);
  const auto wrote = write_text("new", folder / "r.json");
  umask(before);
  ASSERT_TRUE(wrote);
  struct stat status = {};
  ASSERT_EQ(stat((folder / "r.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(WriteText, ReplacesWhatALinkPointsToAndKeepsTheLink) {
  const TemporaryFolder folder;
  put_content(folder / "real.json", "old");
  fs::create_symlink("real.json", folder / "link.json");
  ASSERT_TRUE(write_text("new", folder / "link.json"));
  EXPECT_TRUE(fs::is_symlink(folder / "link.json"));
  EXPECT_EQ(content_of(folder / "real.json"), "new");
}

TEST(WriteText, WritesIntoADeviceOrPipeInsteadOfReplacingIt) {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int fd = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(fd, 0);
  ASSERT_TRUE(check_writable(pipe));
  ASSERT_TRUE(write_text("through", pipe));
  char seen[16] = {};
  EXPECT_EQ(read(fd, seen, sizeof seen), 7);
  EXPECT_STREQ(seen, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
  close(fd);
}

TEST(WriteText, WithADashGoesToStandardOutput) {
  testing::internal::CaptureStdout();
  ASSERT_TRUE(check_writable("-"));
  ASSERT_TRUE(write_text("{}\n", "-"));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "{}\n");
}

TEST(WriteText, TakesARelativeName) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const auto checked = check_writable("r.json");
  const auto wrote = write_text("x", "r.json");
  fs::current_path(before);
  EXPECT_TRUE(checked) << checked.error().what;
  EXPECT_TRUE(wrote) << wrote.error().what;
  EXPECT_EQ(content_of(folder / "r.json"), "x");
}

TEST(CheckWritable, NamesAMissingFolderAndAFolderInPlaceOfAFile) {
  const TemporaryFolder folder;
  const auto missing = check_writable(folder / "no/r.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what,
            "cannot write " + (folder / "no/r.json").native() + ": No such file or directory");
  EXPECT_EQ(missing.error().hint, "make the folder first, or name another");
  for (const fs::path& directory : {folder.path(), folder / ""}) {
    const auto refused = check_writable(directory);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("Is a directory"));
    EXPECT_FALSE(write_text("x", directory));
  }
  EXPECT_FALSE(check_writable(""));
}

TEST(CheckWritable, LeavesNothingBehindAndTheOldFileAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(check_writable(folder / "r.json"));
  EXPECT_EQ(files_in(folder.path()), 0u);
  put_content(folder / "r.json", "old");
  ASSERT_TRUE(check_writable(folder / "r.json"));
  EXPECT_EQ(content_of(folder / "r.json"), "old");
}

}  // namespace
}  // namespace millrace::record
