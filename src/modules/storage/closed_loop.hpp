// SPDX-License-Identifier: Apache-2.0
// As fast as the queue depth allows: each completion makes room for the next operation.
#pragma once

#include <algorithm>
#include <cstdint>

#include "millrace/recorder.hpp"
#include "modules/storage/clock.hpp"
#include "modules/storage/lane.hpp"

namespace millrace::storage {

// How many completions to wait for in one system call. Waiting for several saves CPU time (a sleep and a
// wake-up of the thread cost microseconds) but delays the first of them, so only as many as complete within
// kDelayNs at the rate of the last milliseconds: on a slow drive, one. The rate counts at once when it rises
// and slowly when it falls, so that a hiccup of the drive does not cost many small batches.
class Gathering {
 public:
  Gathering(std::uint32_t most, std::int64_t now_ns) : most_(most), window_begin_ns_(now_ns) {}

  void completed(std::uint32_t count, std::int64_t now_ns) {
    in_window_ += count;
    const std::int64_t length_ns = now_ns - window_begin_ns_;
    if (length_ns < kWindowNs) return;
    const std::int64_t within_delay = static_cast<std::int64_t>(in_window_) * kDelayNs / length_ns;
    const std::int64_t slowly_less = std::int64_t{wanted_} - wanted_ / 8 - 1;
    wanted_ =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(std::max(within_delay, slowly_less), 1, most_));
    window_begin_ns_ = now_ns;
    in_window_ = 0;
  }

  [[nodiscard]] std::uint32_t wanted() const { return wanted_; }

 private:
  static constexpr std::int64_t kWindowNs = 1'000'000, kDelayNs = 100'000;
  std::uint32_t most_, wanted_ = 1;
  std::uint64_t in_window_ = 0;
  std::int64_t window_begin_ns_;
};

// Until stopped() or the blocks are at their end. lane.error() tells a failure; nothing is in flight on
// return.
template <typename Command, typename Blocks, typename Stopped>
void run_closed_loop(Lane& lane, Blocks& blocks, sdk::Recorder& recorder, std::uint32_t batch,
                     Stopped stopped) {
  Gathering gathering(batch, now_ns());
  while (!stopped()) {
    lane.prepare<Command>(blocks, now_ns());
    if (lane.in_flight() == 0) return;
    if (!lane.enter(std::min(gathering.wanted(), lane.in_flight()))) break;
    const std::int64_t now = now_ns();
    gathering.completed(lane.reap<Command>(now, recorder), now);
    if (lane.error()) break;
  }
  lane.drain();
}

}  // namespace millrace::storage
