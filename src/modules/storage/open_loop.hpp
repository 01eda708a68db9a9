// SPDX-License-Identifier: Apache-2.0
// At a given rate: operations arrive at random times that do not depend on how the drive does, and the
// latency of each counts from when it should have started. An operation that finds the queue full waits, and
// the wait counts (no "coordinated omission", G. Tene).
#pragma once

#include <sys/prctl.h>

#include <algorithm>
#include <cstdint>

#include "millrace/recorder.hpp"
#include "modules/storage/clock.hpp"
#include "modules/storage/lane.hpp"
#include "modules/storage/random.hpp"

namespace millrace::storage {

// Poisson arrivals: independent exponential gaps.
class Arrivals {
 public:
  Arrivals(double rate_per_s, std::int64_t begin_ns, std::uint64_t seed)
      : mean_gap_ns_(1e9 / rate_per_s), begin_ns_(begin_ns), random_(seed) {
    advance();
  }

  [[nodiscard]] std::int64_t next_ns() const {
    return begin_ns_ + static_cast<std::int64_t>(since_begin_ns_);
  }
  void advance() { since_begin_ns_ += mean_gap_ns_ * random_.exponential(); }
  [[nodiscard]] double mean_gap_ns() const { return mean_gap_ns_; }

 private:
  double mean_gap_ns_;
  std::int64_t begin_ns_;
  double since_begin_ns_ = 0;  // as a real number, so that rounding does not add up
  Random random_;
};

inline void spin_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// How long before an arrival to stop sleeping and watch the clock: the kernel's timers wake a thread tens of
// microseconds late, which must not count as the drive's latency.
constexpr std::int64_t kWatchNs = 100'000;

// What serves the drive may be a thread of the kernel's (a loop device's worker, a soft interrupt) that waits
// for a CPU while this thread watches the clock on one. Completions come as often as arrivals do; once none
// has been heard of for longer than chance lets pass (exp(-8) of the gaps of a Poisson process exceed eight
// of its means), the CPU is left to others until an operation completes or the next one is due.
constexpr double kHeldUpGaps = 8;
constexpr std::int64_t kHeldUpNs = 100'000;  // at least

// As run_closed_loop. Returns how many nanoseconds behind its arrivals it was at the end.
template <typename Command, typename Blocks, typename Stopped>
std::int64_t run_open_loop(Lane& lane, Blocks& blocks, sdk::Recorder& recorder, Arrivals arrivals,
                           Stopped stopped) {
  prctl(PR_SET_TIMERSLACK, 1UL);  // ns; of this thread, whose usual 50 us would count as latency
  const auto held_up_ns =
      std::max(kHeldUpNs, static_cast<std::int64_t>(kHeldUpGaps * arrivals.mean_gap_ns()));
  bool more = true;
  std::int64_t heard_ns = now_ns();  // of the drive
  while (!stopped()) {
    std::int64_t now = now_ns();
    if (lane.in_flight() == 0) heard_ns = now;
    while (more && arrivals.next_ns() <= now && !lane.full()) {
      more = lane.prepare<Command>(blocks, arrivals.next_ns(), 1, now) == 1;
      arrivals.advance();
    }
    const bool entered = lane.has_work();
    if (entered) {
      if (!lane.enter(0)) break;
      now = now_ns();
    }
    const bool completed = lane.reap<Command>(now, recorder) > 0;
    if (lane.error()) break;
    if (completed) heard_ns = now;
    if (entered || completed) continue;
    if (!more && lane.in_flight() == 0) return 0;
    const std::int64_t until_next = arrivals.next_ns() - now;
    if (lane.full() || !more) {
      if (!lane.enter(1)) break;
    } else if (until_next > kWatchNs) {
      if (!lane.enter(1, until_next - kWatchNs)) break;
    } else if (now - heard_ns > held_up_ns) {
      if (!lane.enter(1, std::max<std::int64_t>(until_next, 1'000))) break;
    } else {
      spin_pause();
    }
  }
  const std::int64_t behind = std::max<std::int64_t>(0, now_ns() - arrivals.next_ns());
  lane.drain();
  return more ? behind : 0;
}

}  // namespace millrace::storage
