// SPDX-License-Identifier: Apache-2.0
// How an operation stands in a submission entry, and when its completion is right. Two kinds, chosen once for
// a loop, so that the hot path has no branch for it:
//   FileCommand  the kernel's own read and write, of files and block devices
//   NvmeCommand  a command for the drive itself, past the block layer (IORING_OP_URING_CMD on /dev/ngXnY);
//                entries and completions are twice as long (SQE128, CQE32)
//
// What does not change between operations is written once into all entries of a ring: the kernel only reads
// them. An opcode is never written again.
#pragma once

#include <liburing.h>
#include <linux/nvme_ioctl.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "modules/storage/blocks.hpp"
#include "modules/storage/options.hpp"
#include "modules/storage/target.hpp"

namespace millrace::storage {

// A target as commands name it.
struct Address {
  int fd = -1;  // or the index of a registered file
  std::uint32_t namespace_id = 0;
  std::uint32_t block_shift = 0;  // log2 of the logical block
};

inline Address address_of(const Target& target) {
  if (!target.nvme) return {.fd = target.fd.get()};
  return {.fd = target.fd.get(),
          .namespace_id = target.nvme->id,
          .block_shift = static_cast<std::uint32_t>(std::countr_zero(target.nvme->logical_block))};
}

// One operation's buffer.
struct Place {
  std::byte* data = nullptr;
  std::uint16_t registered_buffer = 0;
};

struct Constants {
  Direction direction = Direction::kRead;
  bool registered_files = false, registered_buffers = false;
};

struct FileCommand {
  static constexpr unsigned kEntryShift = 0;  // log2 of how many ordinary entries one takes

  static void fill_constants(io_uring_sqe& entry, const Constants& constants) {
    const bool write = constants.direction == Direction::kWrite;
    const int opcode = constants.registered_buffers ? (write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED)
                                                    : (write ? IORING_OP_WRITE : IORING_OP_READ);
    std::memset(&entry, 0, sizeof entry);
    entry.opcode = static_cast<std::uint8_t>(opcode);
    entry.flags = constants.registered_files ? IOSQE_FIXED_FILE : 0;
  }

  static void fill(io_uring_sqe& entry, const Address& address, const Block& block, const Place& place) {
    entry.fd = address.fd;
    entry.off = block.offset;
    entry.addr = reinterpret_cast<std::uint64_t>(place.data);
    entry.len = block.request;
    entry.buf_index = place.registered_buffer;
  }

  static bool right(std::int32_t result, const Block& block) {
    return result == static_cast<std::int32_t>(block.expected);
  }
};

struct NvmeCommand {
  static constexpr unsigned kEntryShift = 1;
  // NVM Command Set Specification 1.0, figure 20.
  static constexpr std::uint8_t kWrite = 0x01, kRead = 0x02;

  static void fill_constants(io_uring_sqe& entry, const Constants& constants) {
    std::memset(&entry, 0, sizeof entry << kEntryShift);
    entry.opcode = IORING_OP_URING_CMD;
    entry.flags = constants.registered_files ? IOSQE_FIXED_FILE : 0;
    entry.cmd_op = NVME_URING_CMD_IO;
    entry.uring_cmd_flags = constants.registered_buffers ? IORING_URING_CMD_FIXED : 0;
    command_in(entry).opcode = constants.direction == Direction::kWrite ? kWrite : kRead;
  }

  static void fill(io_uring_sqe& entry, const Address& address, const Block& block, const Place& place) {
    const std::uint64_t first = block.offset >> address.block_shift;
    entry.fd = address.fd;
    entry.buf_index = place.registered_buffer;
    nvme_uring_cmd& command = command_in(entry);
    command.nsid = address.namespace_id;
    command.addr = reinterpret_cast<std::uint64_t>(place.data);
    command.data_len = block.request;
    command.cdw10 = static_cast<std::uint32_t>(first);
    command.cdw11 = static_cast<std::uint32_t>(first >> 32);
    command.cdw12 = (block.request >> address.block_shift) - 1;  // counts from 0
  }

  // 0: the drive's status of success. It transfers all or fails.
  static bool right(std::int32_t result, const Block&) { return result == 0; }

 private:
  // The 80 bytes at the end of a long entry.
  static nvme_uring_cmd& command_in(io_uring_sqe& entry) {
    return *reinterpret_cast<nvme_uring_cmd*>(entry.cmd);
  }
};
static_assert(offsetof(io_uring_sqe, cmd) + sizeof(nvme_uring_cmd) <= 2 * sizeof(io_uring_sqe));

}  // namespace millrace::storage
