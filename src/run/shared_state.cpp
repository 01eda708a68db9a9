// SPDX-License-Identifier: Apache-2.0
#include "run/shared_state.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace millrace::run {

static_assert(std::atomic<std::uint32_t>::is_always_lock_free &&
                  std::atomic<std::uint64_t>::is_always_lock_free,
              "atomics in shared memory must hold no lock");

Result<SharedMapping> SharedMapping::create(std::uint32_t ranks) {
  const std::size_t size = sizeof(SharedState) + ranks * sizeof(WorkerBlock);
  const int fd = memfd_create("millrace", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) {
    const int reason = errno;
    if (fd >= 0) close(fd);
    return failure(fmt::format("memfd_create of {} bytes: {}", size, std::strerror(reason)),
                   "free some memory", Exit::kInconclusive);
  }
  auto mapping = attach(fd);
  if (mapping) mapping->state_->ranks = ranks;
  return mapping;
}

Result<SharedMapping> SharedMapping::attach(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || info.st_size < static_cast<off_t>(sizeof(SharedState)))
    return failure("the shared memory of the measurement is not there", "", Exit::kInconclusive);
  const auto size = static_cast<std::size_t>(info.st_size);
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (address == MAP_FAILED)
    return failure(fmt::format("mmap of {} bytes: {}", size, std::strerror(errno)), "raise ulimit -v",
                   Exit::kInconclusive);
  return SharedMapping(fd, static_cast<SharedState*>(address), size);
}

SharedMapping::SharedMapping(SharedMapping&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), state_(std::exchange(other.state_, nullptr)), size_(other.size_) {}

SharedMapping& SharedMapping::operator=(SharedMapping&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(state_, other.state_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMapping::~SharedMapping() {
  if (state_ != nullptr) munmap(state_, size_);
  if (fd_ >= 0) close(fd_);
}

std::int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t timeout_ns) {
  if (timeout_ns <= 0) return;
  const timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

int wait_at_barrier(SharedState& state, std::int64_t timeout_ns) {
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  const std::uint32_t mine = state.generation.load(std::memory_order_acquire);
  if (state.broken.load(std::memory_order_acquire) != 0) return state.stop.load() != 0 ? 1 : 2;
  if (state.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == state.ranks) {
    state.arrived.store(0, std::memory_order_relaxed);
    state.generation.fetch_add(1, std::memory_order_acq_rel);
    futex_wake_all(state.generation);
    return 0;
  }
  while (state.generation.load(std::memory_order_acquire) == mine) {
    if (state.broken.load(std::memory_order_acquire) != 0) return state.stop.load() != 0 ? 1 : 2;
    const std::int64_t left = deadline - monotonic_ns();
    if (left <= 0) {
      state.broken.store(1, std::memory_order_release);
      futex_wake_all(state.generation);
      return 2;
    }
    futex_wait(state.generation, mine, std::min<std::int64_t>(left, 50'000'000));
  }
  return 0;
}

std::uint64_t ask_iterations(SharedState& state, std::uint64_t iteration) {
  std::uint64_t furthest = state.furthest.load(std::memory_order_relaxed);
  while (furthest < iteration && !state.furthest.compare_exchange_weak(furthest, iteration)) {
  }
  for (;;) {
    // The order matters: a final grant is stored before the flag that says so.
    const bool is_final = state.granted_is_final.load(std::memory_order_acquire) != 0;
    const std::uint64_t granted = state.granted.load(std::memory_order_acquire);
    if (granted > iteration || is_final) return std::max(granted, iteration);
    timespec nap{0, 20'000};  // the core grants ahead; only a rank much faster than that waits here
    nanosleep(&nap, nullptr);
  }
}

std::uint64_t grant_more(SharedState& state, std::uint64_t furthest_before) {
  const std::uint64_t furthest = state.furthest.load(std::memory_order_relaxed);
  // Three ticks' worth ahead of the furthest rank: ranks seldom wait, and the stop comes soon. It triples per
  // tick while ranks run out of it, which ends long before the warm-up does.
  const std::uint64_t ahead = 2 + 3 * (furthest - std::min(furthest, furthest_before));
  if (state.granted.load(std::memory_order_relaxed) < furthest + ahead)
    state.granted.store(furthest + ahead, std::memory_order_release);
  return furthest;
}

void finish_grants(SharedState& state) { state.granted_is_final.store(1, std::memory_order_release); }

}  // namespace millrace::run
