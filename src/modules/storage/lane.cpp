// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "modules/storage/passthrough.hpp"
#include "modules/storage/system_failure.hpp"
#include "units/quantity.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint64_t kLargestRegistration = 1ULL << 30;  // the kernel's limit for one registered buffer

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

// For commands to a drive each slot's buffer is registered by itself: Linux 6.1 holds all that follows in a
// registered buffer against the drive's limit of segments (blk_rq_map_user_bvec).
std::uint64_t slots_in_one_registration(const Options& options, bool passthrough) {
  if (passthrough) return 1;
  return std::max<std::uint64_t>(1, kLargestRegistration / options.block_size);
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

  const bool passthrough = targets.front().nvme.has_value();
  const auto unguarded = [](const Target& target) { return !target.beside; };
  if (passthrough && options.direction == Direction::kWrite &&
      std::any_of(targets.begin(), targets.end(), unguarded))
    return failure("a generic device is not written without its block device claimed", "this is a bug");
  Result<std::unique_ptr<Ring>> ring = Ring::make({.depth = options.queue_depth,
                                                   .sqpoll = options.sqpoll,
                                                   .iopoll = options.iopoll,
                                                   .wide = passthrough});
  if (!ring) return tl::unexpected(ring.error());
  lane->ring_ = std::move(*ring);

  Result<Buffer> buffer =
      Buffer::allocate(std::size_t{options.queue_depth} * options.block_size, options.block_size);
  if (!buffer) return tl::unexpected(buffer.error());
  lane->buffer_ = std::move(*buffer);

  const std::size_t page_size = page_size_for(options.block_size);
  for (const Target& target : targets) lane->pages_.emplace_back(target.content_seed.value_or(0), page_size);
  const std::uint64_t slots_per_registration = slots_in_one_registration(options, passthrough);
  lane->slots_.resize(options.queue_depth);
  lane->free_.resize(options.queue_depth);
  for (std::uint32_t i = 0; i < options.queue_depth; ++i) {
    Slot& slot = lane->slots_[i];
    slot.place.data = lane->buffer_.data() + std::size_t{i} * options.block_size;
    slot.place.registered_buffer = static_cast<std::uint16_t>(i / slots_per_registration);
    // Each buffer has a body of its own.
    if (lane->stamping_)
      Pages(mix64(options.seed ^ thread), page_size)
          .lay_out({slot.place.data, options.block_size}, std::uint64_t{i} * options.block_size);
    lane->free_[i] = options.queue_depth - 1 - i;
  }
  lane->free_count_ = options.queue_depth;

  std::vector<int> fds;
  for (const Target& target : targets) {
    fds.push_back(target.fd.get());
    lane->addresses_.push_back(address_of(target));
  }
  if (options.registered_files) {
    if (const Result<void> done = lane->ring_->register_files(fds); !done)
      return tl::unexpected(done.error());
    for (std::size_t i = 0; i < fds.size(); ++i) lane->addresses_[i].fd = static_cast<int>(i);
  }
  if (const Result<void> done = lane->register_buffers(options); !done) return tl::unexpected(done.error());
  if (passthrough)
    lane->fill_in_constants<NvmeCommand>(options);
  else
    lane->fill_in_constants<FileCommand>(options);
  return lane;
}

Result<void> Lane::register_buffers(const Options& options) {
  if (options.registered_buffers == Registration::kOff) return {};
  const bool insisted = options.registered_buffers == Registration::kOn;
  const auto other = std::find_if_not(targets_.begin(), targets_.end(),
                                      [](const Target& target) { return target.takes_registered_buffers; });
  if (other != targets_.end()) {
    if (!insisted) return {};
    return failure(fmt::format("the kernel takes no registered buffers of {} for commands to {} "
                               "(--registered-buffers on)",
                               to_binary({options.block_size}), other->name),
                   "Linux 6.1 or newer and a smaller --block-size; or give --registered-buffers off");
  }
  const std::size_t slots_per_registration = slots_in_one_registration(options, ring_->wide());
  std::vector<iovec> buffers;
  for (std::size_t slot = 0; slot < slots_.size(); slot += slots_per_registration)
    buffers.push_back({slots_[slot].place.data,
                       std::min(slots_per_registration, slots_.size() - slot) * options.block_size});
  const int error = ring_->register_buffers(buffers);
  buffers_registered_ = error == 0;
  if (buffers_registered_ || !insisted) return {};
  return system_failure(
      error,
      fmt::format(
          "register {} of buffers with io_uring (--registered-buffers on); the limit of locked memory is {}",
          to_binary({options.buffer_bytes()}), memlock_limit()),
      fmt::format("raise it: ulimit -l {} (KiB) or more; or give --registered-buffers off",
                  options.buffer_bytes() / 1024 + 64));
}

template <typename Command>
void Lane::fill_in_constants(const Options& options) {
  for (std::uint32_t i = 0; i < ring_->entries(); ++i)
    Command::fill_constants(ring_->entry<Command::kEntryShift>(i),
                            {.direction = options.direction,
                             .registered_files = options.registered_files,
                             .registered_buffers = buffers_registered_});
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
  const Target& target = targets_[slot.block.target];
  const char* verb = direction_ == Direction::kRead ? "read" : "write";
  const std::string what =
      fmt::format("{} {} bytes at offset {} of {}", verb, slot.block.request, slot.block.offset, target.name);
  if (target.nvme) {
    error_ = passthrough_failure(result, what).value();
  } else if (result < 0) {
    error_ = system_failure(-result, what, hint_for(-result, polled_)).value();
  } else {
    error_ = Error{fmt::format("a short {}: {} of {} bytes at offset {} of {}", verb, result,
                               slot.block.expected, slot.block.offset, target.name),
                   "was the file cut while it was in use? Else see dmesg"};
  }
}

void Lane::verify(const Slot& slot) {
  if (error_) return;
  const Target& target = targets_[slot.block.target];
  const auto wrong =
      pages_[slot.block.target].first_wrong({slot.place.data, slot.block.expected}, slot.block.offset);
  if (wrong)
    error_ = Error{fmt::format("wrong data read at offset {} of {}", *wrong, target.name),
                   target.device ? "did storage.write --destroy write all of it, with this --seed and "
                                   "--block-size? If so, trust nothing on it: data are corrupted"
                                 : "the drive, its controller or memory corrupts data: trust nothing on it"};
}

void Lane::drain() {
  while (in_flight_ > 0) {
    if (!enter(in_flight_)) return;  // the kernel keeps the buffers until the ring is closed
    const auto ignore = [](std::uint64_t, std::int32_t) {};
    in_flight_ -= ring_->wide() ? ring_->reap<1>(ignore) : ring_->reap<0>(ignore);
  }
}

}  // namespace millrace::storage
