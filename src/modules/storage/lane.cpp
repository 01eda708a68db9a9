// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/lane.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

#include "modules/storage/system_failure.hpp"
#include "units/quantity.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint64_t kLargestRegistration = 1ULL << 30;  // the kernel's limit for one registered buffer

std::string memlock_limit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "unlimited";
  return to_binary({limit.rlim_cur});
}

std::string hint_for(std::int32_t error, bool polled) {
  switch (error) {
    case EINVAL:
      return "the block size or offset does not suit the drive's logical block: give a multiple of 4KiB, or "
             "--direct off";
    case EOPNOTSUPP:
      return polled ? "the device has no poll queues (for NVMe: load the driver with nvme.poll_queues=N); or "
                      "give --iopoll off"
                    : "the file system cannot do it: try --direct off";
    default:
      return {};
  }
}

}  // namespace

Result<std::unique_ptr<Lane>> Lane::make(const Options& options, std::span<const Target> targets,
                                         std::uint32_t thread) {
  std::unique_ptr<Lane> lane(new Lane);
  lane->targets_ = targets;
  lane->direction_ = options.direction;
  lane->polled_ = options.iopoll;
  lane->stamping_ = options.direction == Direction::kWrite;
  lane->verifying_ = options.verify && options.direction == Direction::kRead;
  lane->sequence_ = std::uint64_t{thread} << 48;

  Result<std::unique_ptr<Ring>> ring =
      Ring::make({.depth = options.queue_depth, .sqpoll = options.sqpoll, .iopoll = options.iopoll});
  if (!ring) return tl::unexpected(ring.error());
  lane->ring_ = std::move(*ring);

  Result<Buffer> buffer =
      Buffer::allocate(std::size_t{options.queue_depth} * options.block_size, options.block_size);
  if (!buffer) return tl::unexpected(buffer.error());
  lane->buffer_ = std::move(*buffer);

  const std::size_t page_size = page_size_for(options.block_size);
  for (const Target& target : targets) lane->pages_.emplace_back(target.content_seed.value_or(0), page_size);
  const std::uint64_t slots_per_registration =
      std::max<std::uint64_t>(1, kLargestRegistration / options.block_size);
  lane->slots_.resize(options.queue_depth);
  lane->free_.resize(options.queue_depth);
  for (std::uint32_t i = 0; i < options.queue_depth; ++i) {
    Slot& slot = lane->slots_[i];
    slot.buffer = lane->buffer_.data() + std::size_t{i} * options.block_size;
    slot.registered_buffer = static_cast<std::uint16_t>(i / slots_per_registration);
    // Each buffer has a body of its own.
    if (lane->stamping_)
      Pages(mix64(options.seed ^ thread), page_size)
          .lay_out({slot.buffer, options.block_size}, std::uint64_t{i} * options.block_size);
    lane->free_[i] = options.queue_depth - 1 - i;
  }
  lane->free_count_ = options.queue_depth;

  std::vector<int> fds;
  for (const Target& target : targets) fds.push_back(target.fd.get());
  lane->fds_ = fds;
  if (options.registered_files) {
    if (const Result<void> done = lane->ring_->register_files(fds); !done)
      return tl::unexpected(done.error());
    for (std::size_t i = 0; i < fds.size(); ++i) lane->fds_[i] = static_cast<int>(i);
  }
  if (const Result<void> done = lane->register_buffers(options); !done) return tl::unexpected(done.error());
  lane->fill_in_constants(options);
  return lane;
}

Result<void> Lane::register_buffers(const Options& options) {
  if (options.registered_buffers == Registration::kOff) return {};
  const std::size_t slots_per_registration =
      std::max<std::uint64_t>(1, kLargestRegistration / options.block_size);
  std::vector<iovec> buffers;
  for (std::size_t slot = 0; slot < slots_.size(); slot += slots_per_registration)
    buffers.push_back(
        {slots_[slot].buffer, std::min(slots_per_registration, slots_.size() - slot) * options.block_size});
  const int error = ring_->register_buffers(buffers);
  if (error == 0) {
    buffers_registered_ = true;
    return {};
  }
  if (options.registered_buffers == Registration::kAuto) return {};
  return system_failure(
      error,
      fmt::format(
          "register {} of buffers with io_uring (--registered-buffers on); the limit of locked memory is {}",
          to_binary({options.buffer_bytes()}), memlock_limit()),
      fmt::format("raise it: ulimit -l {} (KiB) or more; or give --registered-buffers off",
                  options.buffer_bytes() / 1024 + 64));
}

void Lane::fill_in_constants(const Options& options) {
  const bool write = options.direction == Direction::kWrite;
  const int opcode = buffers_registered_ ? (write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED)
                                         : (write ? IORING_OP_WRITE : IORING_OP_READ);
  for (std::uint32_t i = 0; i < ring_->entries(); ++i) {
    io_uring_sqe& entry = ring_->entry(i);
    entry = {};
    entry.opcode = static_cast<std::uint8_t>(opcode);
    entry.flags = options.registered_files ? IOSQE_FIXED_FILE : 0;
  }
}

bool Lane::enter(std::uint32_t wait, std::int64_t timeout_ns) {
  ++system_calls_;
  const int result = ring_->enter(unsubmitted_, wait, timeout_ns);
  if (result >= 0) {
    unsubmitted_ -= static_cast<std::uint32_t>(result);
    return true;
  }
  // A signal; the time is over; or the kernel is short of memory or of room for completions: reap, then try
  // again.
  if (result == -EINTR || result == -ETIME || result == -EAGAIN || result == -EBUSY) return true;
  if (!error_) error_ = system_failure(-result, "submit to io_uring").value();
  return false;
}

void Lane::failed(const Slot& slot, std::int32_t result) {
  if (error_) return;
  const std::string& name = targets_[slot.block.target].name;
  const char* verb = direction_ == Direction::kRead ? "read" : "write";
  if (result < 0) {
    error_ = system_failure(-result,
                            fmt::format("{} {} bytes at offset {} of {}", verb, slot.block.request,
                                        slot.block.offset, name),
                            hint_for(-result, polled_))
                 .value();
  } else {
    error_ = Error{fmt::format("a short {}: {} of {} bytes at offset {} of {}", verb, result,
                               slot.block.expected, slot.block.offset, name),
                   "was the file cut while it was in use? Else see dmesg"};
  }
}

void Lane::verify(const Slot& slot) {
  if (error_) return;
  const auto wrong =
      pages_[slot.block.target].first_wrong({slot.buffer, slot.block.expected}, slot.block.offset);
  if (wrong)
    error_ =
        Error{fmt::format("wrong data read at offset {} of {}", *wrong, targets_[slot.block.target].name),
              "the drive, its controller or memory corrupts data: trust nothing on it"};
}

void Lane::drain() {
  while (in_flight_ > 0) {
    if (!enter(in_flight_)) return;  // the kernel keeps the buffers until the ring is closed
    in_flight_ -= ring_->reap([](std::uint64_t, std::int32_t) {});
  }
}

}  // namespace millrace::storage
