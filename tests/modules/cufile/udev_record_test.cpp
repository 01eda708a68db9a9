// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/udev_record.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>

namespace millrace::cufile {
namespace {

using ::testing::HasSubstr;

class UdevRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(database_);
    struct stat file = {};
    ASSERT_EQ(fstat(fd_, &file), 0);
    if (major(file.st_dev) == 0) GTEST_SKIP() << "the build folder lies on no block device";
    record_ =
        database_ / ("b" + std::to_string(major(file.st_dev)) + ":" + std::to_string(minor(file.st_dev)));
  }
  void TearDown() override {
    close(fd_);
    std::filesystem::remove_all(database_);
  }

  std::filesystem::path database_ = std::filesystem::path("udev." + std::to_string(getpid())), record_;
  int fd_ = open(".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
};

TEST_F(UdevRecord, IsMissedWithTheWayOutWhereTheDatabaseHasNone) {
  const auto missing = missing_udev_record(fd_, database_);
  ASSERT_TRUE(missing);
  EXPECT_THAT(missing->what, HasSubstr(record_.string()));
  EXPECT_THAT(missing->hint, HasSubstr("-v /run/udev:/run/udev:ro"));
  EXPECT_EQ(missing->exit, Exit::kInconclusive);  // this machine lacks what it takes
}

TEST_F(UdevRecord, IsMissedWhereItDoesNotTellTheFileSystem) {
  std::ofstream(record_) << "I:12345\nE:ID_FS_TYPE=ext4\n";
  EXPECT_TRUE(missing_udev_record(fd_, database_));
}

TEST_F(UdevRecord, IsThereWhereItTellsTheFileSystem) {
  std::ofstream(record_) << "I:12345\nE:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\n";
  EXPECT_FALSE(missing_udev_record(fd_, database_));
}

TEST(UdevRecordOfNoDevice, AFileInMemoryHasNone) {
  const int fd = memfd_create("millrace", MFD_CLOEXEC);
  ASSERT_GE(fd, 0);
  const auto missing = missing_udev_record(fd);
  close(fd);
  ASSERT_TRUE(missing);
  EXPECT_THAT(missing->what, HasSubstr("block device"));
}

}  // namespace
}  // namespace millrace::cufile
