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

void open_barrier(SharedState& state) {
  state.arrived.store(0, std::memory_order_relaxed);
  state.generation.fetch_add(1, std::memory_order_acq_rel);
  futex_wake_all(state.generation);
}

int wait_at_barrier(SharedState& state, std::int64_t timeout_ns, const std::function<void()>& all_here) {
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  const std::uint32_t mine = state.generation.load(std::memory_order_acquire);
  if (state.broken.load(std::memory_order_acquire) != 0) return state.stop.load() != 0 ? 1 : 2;
  if (state.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == state.ranks) {
    if (!all_here) {
      open_barrier(state);
      return 0;
    }
    all_here();
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

namespace {

constexpr std::uint64_t kGrant_ns = 50'000'000;

struct Slowest {
  std::uint64_t asked = UINT64_MAX, pace_ns = 0;
  bool known = true;  // the pace of every rank
};

Slowest slowest_of(const SharedState& state) {
  Slowest slowest;
  for (std::uint32_t rank = 0; rank < state.ranks; ++rank) {
    slowest.asked = std::min(slowest.asked, state.workers[rank].asked.load(std::memory_order_relaxed));
    const std::uint64_t pace_ns = state.workers[rank].pace_ns.load(std::memory_order_relaxed);
    slowest.known = slowest.known && pace_ns > 0;
    slowest.pace_ns = std::max(slowest.pace_ns, pace_ns);
  }
  return slowest;
}

}  // namespace

namespace {

// The iteration at which the rank asked before.
std::uint64_t note_question(WorkerBlock& mine, std::uint64_t iteration) {
  const std::int64_t now = monotonic_ns();
  const std::uint64_t before = mine.asked.load(std::memory_order_relaxed);
  if (iteration > before)
    mine.pace_ns.store(static_cast<std::uint64_t>(now - mine.asked_at_ns.load(std::memory_order_relaxed)) /
                               (iteration - before) +
                           1,
                       std::memory_order_relaxed);
  mine.asked_at_ns.store(now, std::memory_order_relaxed);
  mine.asked.store(iteration, std::memory_order_relaxed);
  return before;
}

}  // namespace

std::uint64_t ask_iterations(SharedState& state, std::uint32_t rank, std::uint64_t iteration) {
  const std::uint64_t before = note_question(state.workers[rank], iteration);
  for (std::uint64_t granted = state.granted.load(std::memory_order_acquire);;) {
    if ((granted & kFinalGrant) != 0) return std::max(granted & ~kFinalGrant, iteration);
    if (granted > iteration) return granted;
    const Slowest slowest = slowest_of(state);
    // Never far more than it ran last: the first iterations may be over at once, or one rank's pace unknown.
    const std::uint64_t most = 4 * std::max<std::uint64_t>(iteration - std::min(before, iteration), 1);
    const std::uint64_t step =
        slowest.known ? std::clamp<std::uint64_t>(kGrant_ns / slowest.pace_ns, 1, most) : 1;
    if (iteration > slowest.asked + 4 * step) {
      const timespec nap{0, 20'000};
      nanosleep(&nap, nullptr);
      granted = state.granted.load(std::memory_order_acquire);
    } else if (state.granted.compare_exchange_weak(granted, iteration + step, std::memory_order_acq_rel)) {
      return iteration + step;
    }
  }
}

void make_grant_final(SharedState& state) { state.granted.fetch_or(kFinalGrant, std::memory_order_acq_rel); }

std::uint64_t await_grant(SharedState& state, std::uint32_t rank, std::uint64_t iteration,
                          const std::function<void()>& ask) {
  WorkerBlock& mine = state.workers[rank];
  const std::uint64_t before = note_question(mine, iteration);
  if (iteration > before) mine.ran.store(iteration - before, std::memory_order_relaxed);
  for (bool asked = false;;) {
    const std::uint64_t granted = state.granted.load(std::memory_order_acquire);
    if ((granted & kFinalGrant) != 0) return std::max(granted & ~kFinalGrant, iteration);
    if (granted > iteration) {
      mine.until.store(granted, std::memory_order_release);
      return granted;
    }
    if (!asked) {
      mine.until.store(iteration, std::memory_order_release);
      ask();
      asked = true;
    }
    const timespec nap{0, 20'000};
    nanosleep(&nap, nullptr);
  }
}

std::optional<Pace> pace_of(const SharedState& state) {
  const std::int64_t now = monotonic_ns();
  Pace pace{UINT64_MAX, 0, 0};
  bool known = true;
  for (std::uint32_t rank = 0; rank < state.ranks; ++rank) {
    const WorkerBlock& block = state.workers[rank];
    const std::int64_t asked_at = block.asked_at_ns.load(std::memory_order_relaxed);
    if (asked_at == 0) return std::nullopt;
    const std::uint64_t pace_ns = block.pace_ns.load(std::memory_order_relaxed);
    const std::uint64_t until = block.until.load(std::memory_order_acquire);
    std::uint64_t reached = block.asked.load(std::memory_order_relaxed);
    if (pace_ns > 0)
      reached += static_cast<std::uint64_t>(std::max<std::int64_t>(now - asked_at, 0)) / pace_ns;
    pace.reached = std::min(pace.reached, std::min(reached, until));
    pace.pace_ns = std::max(pace.pace_ns, pace_ns);
    pace.ran = std::max(pace.ran, block.ran.load(std::memory_order_relaxed));
    known = known && pace_ns > 0;
  }
  if (!known) pace.pace_ns = 0;
  return pace;
}

}  // namespace millrace::run
