// SPDX-License-Identifier: Apache-2.0
// One thread's queue of operations: its ring, its buffers, and a slot for each operation in flight.
//
// The hot path is prepare, enter, reap: no allocation, no virtual call, no lock; one system call and two
// readings of the clock for a batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/recorder.hpp"
#include "modules/storage/blocks.hpp"
#include "modules/storage/buffers.hpp"
#include "modules/storage/clock.hpp"
#include "modules/storage/command.hpp"
#include "modules/storage/options.hpp"
#include "modules/storage/pages.hpp"
#include "modules/storage/ring.hpp"
#include "modules/storage/service_times.hpp"
#include "modules/storage/target.hpp"
#include "units/result.hpp"

namespace millrace::storage {

class Lane {
 public:
  // Called by any thread, before the measurement; `targets` must outlive the lane, and be either all of them
  // generic devices of NVMe (then prepare and reap are those of NvmeCommand) or none (FileCommand).
  static Result<std::unique_ptr<Lane>> make(const Options& options, std::span<const Target> targets,
                                            std::uint32_t thread);

  // By the thread that will use it from now on.
  Result<void> enable() { return ring_->enable(); }

  // By the same thread, after the loop.
  void release() { ring_->release(); }

  [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
  [[nodiscard]] bool full() const { return free_count_ == 0; }
  // Whether enter(0) would do something: submit, or turn the kernel's pending work into completions.
  [[nodiscard]] bool has_work() const {
    return unsubmitted_ > 0 || ring_->has_work() || (polled_ && in_flight_ > 0);
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] const Ring& ring() const { return *ring_; }
  [[nodiscard]] bool buffers_registered() const { return buffers_registered_; }
  [[nodiscard]] std::uint64_t system_calls() const { return system_calls_; }

  // From now on: also how long each operation takes from its submission. They must outlive the loop.
  void time_service(ServiceTimes& times) { service_times_ = &times; }

  // Fills in up to `limit` operations whose latency counts from `stamp_ns`, and which are about to be
  // submitted, at `now_ns` where their service is timed; how many.
  template <typename Command, typename Blocks>
  std::uint32_t prepare(Blocks& blocks, std::int64_t stamp_ns, std::uint32_t limit = UINT32_MAX,
                        std::int64_t now_ns = 0) {
    std::uint32_t prepared = 0;
    while (free_count_ > 0 && prepared < limit) {
      const std::uint32_t index = free_[--free_count_];
      Slot& slot = slots_[index];
      if (!blocks.next(index, slot.block)) [[unlikely]]
        continue;  // the slot is done: it never becomes free again
      slot.stamp_ns = stamp_ns;
      slot.submitted_ns = now_ns;
      if (stamping_)
        pages_[slot.block.target].stamp({slot.place.data, slot.block.request}, slot.block.offset,
                                        ++sequence_);
      io_uring_sqe& entry = ring_->next<Command::kEntryShift>();
      Command::fill(entry, addresses_[slot.block.target], slot.block, slot.place);
      entry.user_data = index;
      ++prepared;
    }
    ring_->publish();
    in_flight_ += prepared;
    unsubmitted_ += prepared;
    return prepared;
  }

  // Submits what was prepared and waits for `wait` completions, or no longer than timeout_ns when that is not
  // negative. False: the kernel refused, error() says why.
  bool enter(std::uint32_t wait, std::int64_t timeout_ns = -1);

  // Records what is complete at `now_ns`; how many. Looks at error() afterwards: a failed or short operation.
  template <typename Command>
  std::uint32_t reap(std::int64_t now_ns, sdk::Recorder& recorder) {
    std::int64_t stamp_ns = 0;
    std::uint64_t same_stamp = 0, bytes = 0;
    const auto flush = [&] {
      if (same_stamp != 0) recorder.latency(static_cast<std::uint64_t>(now_ns - stamp_ns), same_stamp);
    };
    const auto on_completion = [&](std::uint64_t index, std::int32_t result) {
      Slot& slot = slots_[index];
      free_[free_count_++] = static_cast<std::uint32_t>(index);
      if (!Command::right(result, slot.block)) [[unlikely]]
        return failed(slot, result);
      if (verifying_) [[unlikely]]
        verify(slot);
      bytes += slot.block.expected;
      if (service_times_ != nullptr) service_times_->add(now_ns - slot.submitted_ns);
      if (slot.stamp_ns != stamp_ns) {
        flush();
        stamp_ns = slot.stamp_ns;
        same_stamp = 0;
      }
      ++same_stamp;
      ++recordable_;
    };
    const std::uint32_t count = ring_->reap<Command::kEntryShift>(on_completion);
    flush();
    in_flight_ -= count;
    if (recordable_ != 0) recorder.done(now_ns, bytes, recordable_);
    recordable_ = 0;
    return count;
  }

  // Waits until nothing is in flight any more, recording nothing: what completes after the end would count
  // the emptying of the queue.
  void drain();

 private:
  struct Slot {
    std::int64_t stamp_ns = 0, submitted_ns = 0;
    Block block;
    Place place;
  };

  Lane() = default;
  Result<void> register_buffers(const Options& options);
  template <typename Command>
  void fill_in_constants(const Options& options);
  void failed(const Slot& slot, std::int32_t result);
  void verify(const Slot& slot);

  std::unique_ptr<Ring> ring_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;  // a stack: the warmest buffer first
  std::uint32_t free_count_ = 0, in_flight_ = 0, unsubmitted_ = 0, recordable_ = 0;
  std::vector<Address> addresses_;  // of the targets
  bool stamping_ = false, verifying_ = false, polled_ = false, buffers_registered_ = false;
  std::uint64_t sequence_ = 0, system_calls_ = 0;
  std::vector<Pages> pages_;  // of each target, where its contents are ours
  std::span<const Target> targets_;
  Direction direction_ = Direction::kRead;
  ServiceTimes* service_times_ = nullptr;
  std::optional<Error> error_;
  Buffer buffer_;
};

}  // namespace millrace::storage
