// SPDX-License-Identifier: Apache-2.0
// What is known of an NVMe namespace before a command is sent, what a drive's status means, and what goes
// into a command. Drives themselves are read in the virtual rack (tests/rack).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "modules/storage/command.hpp"
#include "modules/storage/nvme_namespace.hpp"
#include "modules/storage/nvme_status.hpp"
#include "modules/storage/passthrough.hpp"
#include "scratch.hpp"

namespace millrace::storage {
namespace {

namespace fs = std::filesystem;
using millrace::testing::ScratchFolder;

// sysfs as Linux 6.1 shows a drive of QEMU: 1 GiB in blocks of 512 bytes, transfers of at most 512 KiB.
class NvmeNamespaceOf : public ::testing::Test {
 protected:
  void SetUp() override {
    make_generic("ng0n1");
    write("nvme0n1/nsid", "3");
    write("nvme0n1/size", "2097152");
    write("nvme0n1/queue/logical_block_size", "512");
    write("nvme0n1/queue/max_hw_sectors_kb", "512");
    write("nvme0n1/integrity/format", "none");
  }

  void make_generic(const std::string& name) {
    const fs::path generic = controller_ / name;
    fs::create_directories(generic);
    fs::create_directories(root_ / "class/nvme-generic");
    fs::create_directories(root_ / "dev/char");
    fs::create_directory_symlink(root_ / "class/nvme-generic", generic / "subsystem");
    fs::create_directory_symlink(generic, root_ / "dev/char/245:0");
  }
  void write(const std::string& attribute, const std::string& text) {
    fs::create_directories((controller_ / attribute).parent_path());
    std::ofstream(controller_ / attribute) << text << '\n';
  }
  Result<NvmeNamespace> read() { return nvme_namespace(makedev(245, 0), "/dev/ng0n1", root_); }
  void expect_refused(const std::string& part_of_what, const std::string& part_of_hint) {
    const Result<NvmeNamespace> space = read();
    ASSERT_FALSE(space);
    EXPECT_NE(space.error().what.find(part_of_what), std::string::npos) << space.error().what;
    EXPECT_NE(space.error().hint.find(part_of_hint), std::string::npos) << space.error().hint;
  }

  ScratchFolder folder_;
  fs::path root_ = folder_.path();
  fs::path controller_ = root_ / "devices/pci0000:40/0000:41:00.0/nvme/nvme0";
};

TEST_F(NvmeNamespaceOf, AGenericDeviceIsReadFromTheBlockDeviceBesideIt) {
  const Result<NvmeNamespace> space = read();
  ASSERT_TRUE(space) << space.error().what;
  EXPECT_EQ(space->id, 3U);
  EXPECT_EQ(space->logical_block, 512U);
  EXPECT_EQ(space->bytes, 1ULL << 30);
  EXPECT_EQ(space->largest_transfer, 512U << 10);
  EXPECT_EQ(space->block_device, "/dev/nvme0n1");
}

TEST_F(NvmeNamespaceOf, ADriveThatTransfersWithoutLimitIsLimitedByTheCommandsSixteenBits) {
  write("nvme0n1/queue/max_hw_sectors_kb", "2147483644");
  EXPECT_EQ(read()->largest_transfer, 65536ULL * 512);
}

TEST_F(NvmeNamespaceOf, ACommandSetWithoutABlockDeviceIsRefused) {
  fs::remove_all(controller_ / "nvme0n1");
  expect_refused("has no block device nvme0n1 beside it", "NVM command set");
}

TEST_F(NvmeNamespaceOf, BlocksWithMetadataAreLeftToTheBlockDevice) {
  write("nvme0n1/integrity/format", "T10-DIF-TYPE1-CRC");
  expect_refused("carry metadata", "--path /dev/nvme0n1");
  write("nvme0n1/integrity/format", "none");
  write("nvme0n1/metadata_bytes", "8");  // since Linux 6.8
  expect_refused("carry metadata", "--path /dev/nvme0n1");
  write("nvme0n1/metadata_bytes", "0");
  EXPECT_TRUE(read());
}

TEST_F(NvmeNamespaceOf, AFormatThatTheKernelDoesNotTellIsNotGuessed) {
  write("nvme0n1/queue/logical_block_size", "520");
  expect_refused("does not tell the format", "--path /dev/nvme0n1");
}

TEST_F(NvmeNamespaceOf, OtherCharacterDevicesAreNone) {
  EXPECT_TRUE(is_nvme_generic(makedev(245, 0), root_));
  EXPECT_FALSE(is_nvme_generic(makedev(245, 1), root_));
  struct stat null = {};
  ASSERT_EQ(stat("/dev/null", &null), 0);
  EXPECT_FALSE(is_nvme_generic(null.st_rdev));
  EXPECT_FALSE(nvme_namespace(null.st_rdev, "/dev/null"));
}

TEST_F(NvmeNamespaceOf, TransfersThatDoNotFitAreRefusedWithTheLimit) {
  const NvmeNamespace space = *read();
  EXPECT_TRUE(check_transfer(space, 512 << 10, "/dev/ng0n1"));
  const Result<void> large = check_transfer(space, 1 << 20, "/dev/ng0n1");
  ASSERT_FALSE(large);
  EXPECT_NE(large.error().what.find("more than 512 KiB"), std::string::npos) << large.error().what;
  NvmeNamespace coarse = space;
  coarse.logical_block = 4096;
  const Result<void> fine = check_transfer(coarse, 512, "/dev/ng0n1");
  ASSERT_FALSE(fine);
  EXPECT_NE(fine.error().what.find("no multiple of 4096"), std::string::npos) << fine.error().what;
}

TEST(NvmeStatus, IsToldInWordsWithAWayOut) {
  EXPECT_EQ(nvme_status_text(0x4080), "LBA out of range (NVMe status 0x80, not to be retried)");
  EXPECT_EQ(nvme_status_text(0x281), "unrecovered read error (NVMe status 0x281)");
  EXPECT_NE(nvme_status_hint(0x281).find("health"), std::string::npos);
}

TEST(NvmeStatus, ThatIsUnknownStillTellsItsKind) {
  EXPECT_EQ(nvme_status_text(0x2ff), "a media or data error (NVMe status 0x2ff)");
  EXPECT_EQ(nvme_status_text(0x7c0), "an error that only the drive's vendor can explain (NVMe status 0x7c0)");
}

TEST(PassthroughFailure, TellsADrivesStatusFromTheKernelsErrno) {
  EXPECT_EQ(passthrough_failure(0x80, "read it").value().what,
            "cannot read it: LBA out of range (NVMe status 0x80)");
  const Error denied = passthrough_failure(-EACCES, "read it").value();
  EXPECT_NE(denied.what.find("EACCES"), std::string::npos) << denied.what;
  EXPECT_NE(denied.hint.find("CAP_SYS_ADMIN"), std::string::npos) << denied.hint;
}

class NvmeCommandOf : public ::testing::Test {
 protected:
  nvme_uring_cmd command() const {
    nvme_uring_cmd copy;
    std::memcpy(&copy, reinterpret_cast<const std::byte*>(entry_.data()) + offsetof(io_uring_sqe, cmd),
                sizeof copy);
    return copy;
  }
  std::array<io_uring_sqe, 2> entry_{};  // a long one
};

TEST_F(NvmeCommandOf, ABlockNamesItByItsLogicalBlocks) {
  NvmeCommand::fill_constants(entry_[0], {});
  std::byte data{};
  NvmeCommand::fill(entry_[0], {.fd = 7, .namespace_id = 3, .block_shift = 9},
                    {.offset = 0x123456789ULL << 9, .request = 8192, .expected = 8192},
                    {.data = &data, .registered_buffer = 5});
  const nvme_uring_cmd got = command();
  EXPECT_EQ(entry_[0].opcode, IORING_OP_URING_CMD);
  EXPECT_EQ(entry_[0].cmd_op, NVME_URING_CMD_IO);
  EXPECT_EQ(entry_[0].fd, 7);
  EXPECT_EQ(got.nsid, 3U);
  EXPECT_EQ(got.addr, reinterpret_cast<std::uint64_t>(&data));
  EXPECT_EQ(got.data_len, 8192U);
  EXPECT_EQ(got.cdw10, 0x23456789U);
  EXPECT_EQ(got.cdw11, 0x1U);
  EXPECT_EQ(got.cdw12, 15U);  // sixteen blocks, counted from 0; and none of the flags above
  EXPECT_EQ(got.metadata_len, 0U);
}

TEST_F(NvmeCommandOf, AReadingLoopIsReadWhateverElseIsAskedFor) {
  for (const bool registered : {false, true}) {
    NvmeCommand::fill_constants(entry_[0],
                                {.registered_files = registered, .registered_buffers = registered});
    EXPECT_EQ(command().opcode, 0x02);
    EXPECT_EQ(entry_[0].uring_cmd_flags, registered ? IORING_URING_CMD_FIXED : 0U);
    EXPECT_EQ(entry_[0].flags, registered ? IOSQE_FIXED_FILE : 0);
    EXPECT_EQ(entry_[0].buf_index, 0);
  }
}

TEST(NvmeCommandResult, IsRightWhenTheDriveSaysSuccess) {
  EXPECT_TRUE(NvmeCommand::right(0, {.expected = 4096}));
  EXPECT_FALSE(NvmeCommand::right(4096, {.expected = 4096}));  // a status, not bytes
  EXPECT_FALSE(NvmeCommand::right(-EIO, {.expected = 4096}));
}

}  // namespace
}  // namespace millrace::storage
