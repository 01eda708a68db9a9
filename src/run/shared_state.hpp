// SPDX-License-Identifier: Apache-2.0
// What the core and the workers of one measurement share in memory: the start, the stop, agreed iterations,
// the step barrier, and every recorder's slices and histograms. Recording costs no system call, the core
// reads while it runs, and what a crashed worker had recorded is still there.
#pragma once

#include <millrace/latency_buckets.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "run/other_hosts.hpp"
#include "units/result.hpp"

namespace millrace::run {

inline constexpr std::uint32_t kStopped = 1, kGivenUp = 2;  // of SharedState::stop
inline constexpr std::uint32_t kMaxRecorders = 256;         // threads that record, of one worker
inline constexpr std::uint32_t kRingSlots = 4096;  // slice ends that wait for the core, of one thread
// Latencies are counted per epoch (a 16th of the time limit), so that those of the warm-up can be left out
// once the warm-up is known, to within one epoch.
inline constexpr std::uint32_t kEpochs = 17;

struct SlicePoint {  // totals of one thread at a time
  std::int64_t time_ns;
  std::uint64_t bytes, operations;
};

struct RecorderSlot {
  alignas(
      64) std::atomic<std::uint64_t> written;  // points ever written; point i lies at ring[i % kRingSlots]
  std::int64_t opened_ns;
  std::uint64_t latency_min_ns, latency_max_ns;
  SlicePoint last;  // totals at the end of run, whether or not a slice ended there
  alignas(64) SlicePoint ring[kRingSlots];
  alignas(64) std::uint64_t latency[kEpochs][MILLRACE_LATENCY_BUCKETS];
};

struct WorkerBlock {
  alignas(64) std::atomic<std::int64_t> progress_ns;  // the heartbeat: a slice ended or a service was called
  std::atomic<std::uint32_t> recorders;
  std::atomic<std::uint64_t> asked;    // the iteration at which it last asked how far it may run
  std::atomic<std::uint64_t> pace_ns;  // that an iteration took it since it asked before; 0: not known
  std::atomic<std::int64_t> asked_at_ns;
  std::atomic<std::uint64_t> until,
      ran;                        // of several hosts: how far it goes on by itself; what it ran before
  std::int64_t begin_ns, end_ns;  // of run
  RecorderSlot slots[kMaxRecorders];
};

struct SharedState {
  alignas(64) std::atomic<std::uint32_t> go;  // futex; 1: begin at begin_ns
  std::int64_t begin_ns;
  std::int64_t slice_period_ns, epoch_ns;
  std::uint32_t ranks;
  alignas(64) std::atomic<std::uint32_t> stop;  // what millrace_host.cancelled answers
  alignas(64)
      std::atomic<std::uint64_t> granted;  // iterations that all ranks run, and kFinalGrant once that is all
  alignas(64) std::atomic<std::uint32_t> arrived;  // at the step barrier
  std::atomic<std::uint32_t> generation;           // futex
  std::atomic<std::uint32_t> broken;               // 1: somebody never came, or the run was cancelled
  WorkerBlock workers[];
};

// A mapping of the state, sparse: only pages that are written take memory. Unmapped at the end of its life.
class SharedMapping {
 public:
  static Result<SharedMapping> create(std::uint32_t ranks);  // with a new memfd
  static Result<SharedMapping> attach(int fd);
  SharedMapping(SharedMapping&& other) noexcept;
  SharedMapping& operator=(SharedMapping&& other) noexcept;
  ~SharedMapping();
  [[nodiscard]] SharedState& state() const { return *state_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  SharedMapping(int fd, SharedState* state, std::size_t size) : fd_(fd), state_(state), size_(size) {}
  int fd_ = -1;
  SharedState* state_ = nullptr;
  std::size_t size_ = 0;
};

// Between processes. wait returns when the word is no longer `expected`, was woken, or the time is over.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t timeout_ns);
void futex_wake_all(std::atomic<std::uint32_t>& word);

std::int64_t monotonic_ns();

// All ranks wait for each other. 0: all came; 1: cancelled (stop was set); 2: somebody did not come in time
// (the barrier stays broken for all). Where there are several hosts, `all_here` is called by the last one of
// this host, and open_barrier lets them go on.
int wait_at_barrier(SharedState& state, std::int64_t timeout_ns, const std::function<void()>& all_here = {});
void open_barrier(SharedState& state);

// See continue_until in module_abi.h. A rank that has run all that is granted grants all ranks some 50 ms
// more, by the slowest one's pace, unless the core has made the grant final; so nobody waits for the core,
// and all stop at one iteration. A rank that is far ahead of the slowest waits for it, or the stop would come
// late.
inline constexpr std::uint64_t kFinalGrant = std::uint64_t{1} << 63;
std::uint64_t ask_iterations(SharedState& state, std::uint32_t rank, std::uint64_t iteration);
void make_grant_final(SharedState& state);

// The same where there are several hosts: the core grants, ahead of time, what the host that leads decided.
// `ask` is called when a rank has run all that is granted.
std::uint64_t await_grant(SharedState& state, std::uint32_t rank, std::uint64_t iteration,
                          const std::function<void()>& ask);
// How far the ranks of this host are; nothing before each of them has asked.
std::optional<Pace> pace_of(const SharedState& state);

}  // namespace millrace::run
