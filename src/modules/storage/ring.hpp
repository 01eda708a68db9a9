// SPDX-License-Identifier: Apache-2.0
// One io_uring, set up for one thread that submits and reaps in batches, with nothing between it and the
// shared queues: the caller fills submission entries in place, then makes one system call for a batch.
//
// Made disabled by any thread; enable() must be called by the thread that will use it, since a single-issuer
// ring belongs to whoever enables it.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "units/result.hpp"

namespace millrace::storage {

class Ring {
 public:
  struct Settings {
    std::uint32_t depth = 1;
    bool sqpoll = false, iopoll = false;
    bool wide = false;  // entries and completions of twice the length, for commands to a drive (Linux 5.19)
  };

  // SINGLE_ISSUER, DEFER_TASKRUN and COOP_TASKRUN where the kernel has them (6.1), falling back on EINVAL to
  // COOP_TASKRUN (5.19), then to none (5.10). Refused by the kernel's settings or a sandbox: an Error whose
  // exit is kInconclusive, i.e. not available here.
  static Result<std::unique_ptr<Ring>> make(const Settings& settings);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Before enable().
  Result<void> register_files(std::span<const int> fds);
  // errno's number, 0 when it worked.
  int register_buffers(std::span<const iovec> buffers);

  Result<void> enable();

  // Lets go of registered files and buffers; by the thread that enabled the ring, after its last completion.
  // Closing the ring does it too, but some time later: a device would stay claimed.
  void release();

  [[nodiscard]] bool deferred() const { return (flags_ & IORING_SETUP_DEFER_TASKRUN) != 0; }
  [[nodiscard]] bool sqpoll() const { return (flags_ & IORING_SETUP_SQPOLL) != 0; }
  [[nodiscard]] std::uint32_t setup_flags() const { return flags_; }
  [[nodiscard]] std::uint32_t entries() const { return ring_.sq.ring_entries; }

  [[nodiscard]] bool wide() const { return (flags_ & IORING_SETUP_SQE128) != 0; }

  // `Shift` is 0, or 1 in a wide ring: log2 of how many ordinary entries one takes.
  //
  // The index-th of all submission entries, for constant fields: the kernel never writes to them.
  template <unsigned Shift>
  io_uring_sqe& entry(std::uint32_t index) {
    return ring_.sq.sqes[std::size_t{index} << Shift];
  }
  // The next entry to fill; publish() hands all filled ones over.
  template <unsigned Shift>
  io_uring_sqe& next() {
    return ring_.sq.sqes[std::size_t{tail_++ & ring_.sq.ring_mask} << Shift];
  }
  void publish() { __atomic_store_n(ring_.sq.ktail, tail_, __ATOMIC_RELEASE); }

  // io_uring_enter: how many were submitted, or -errno. timeout_ns < 0: none.
  int enter(std::uint32_t submit, std::uint32_t wait, std::int64_t timeout_ns = -1);

  // Whether the kernel has work that enter() would turn into completions.
  [[nodiscard]] bool has_work() const {
    return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN) != 0;
  }

  // Calls on_completion(user_data, result) for each completion there is; returns how many.
  template <unsigned Shift, typename OnCompletion>
  std::uint32_t reap(OnCompletion on_completion) {
    const std::uint32_t tail = __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE);
    const std::uint32_t count = tail - head_;
    for (; head_ != tail; ++head_) {
      const io_uring_cqe& completion = ring_.cq.cqes[std::size_t{head_ & ring_.cq.ring_mask} << Shift];
      on_completion(completion.user_data, completion.res);
    }
    __atomic_store_n(ring_.cq.khead, head_, __ATOMIC_RELEASE);
    return count;
  }

 private:
  Ring() = default;

  io_uring ring_{};
  std::uint32_t flags_ = 0;
  std::uint32_t tail_ = 0, head_ = 0;
  unsigned enter_flags_ = 0;
  int enter_fd_ = -1;
  bool live_ = false, has_files_ = false, has_buffers_ = false;
};

}  // namespace millrace::storage
