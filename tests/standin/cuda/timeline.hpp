// SPDX-License-Identifier: Apache-2.0
// What a stream does, in order, on a thread of its own and on a clock of its own: an operation begins when
// the one before it ended by that clock (or when it was queued, if that is later), not when the thread got
// around to it. So the times of events are those that the machine's links enforce, however busy this computer
// is; and nothing is over before its time has come.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace millrace::standin::cuda {

// Plays one operation that could begin at `ready_ns`; returns when it ends. May sleep, or never return.
using Operation = std::function<std::int64_t(std::int64_t ready_ns)>;

class Timeline {
 public:
  // The thread lives as long as the timeline has something to do or an owner.
  static std::shared_ptr<Timeline> start();
  void add(Operation operation);
  void close();  // nothing is added any more; what was, is played
  [[nodiscard]] bool is_idle() const { return done_.load() == added_.load(); }
  void wait_idle();

 private:
  void play_all();

  struct Queued {
    Operation play;
    std::int64_t added_ns;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Queued> queue_;
  bool closed_ = false;
  std::atomic<std::uint64_t> added_ = 0, done_ = 0;
  std::int64_t end_ns_ = 0;  // of the last operation, by the timeline's own clock
};

// One recording of an event.
class Moment {
 public:
  void set(std::int64_t at_ns);
  std::int64_t wait();  // until it is set
  [[nodiscard]] bool is_set() const { return at_ns_.load() != 0; }
  [[nodiscard]] std::int64_t at_ns() const { return at_ns_.load(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::int64_t> at_ns_ = 0;
};

}  // namespace millrace::standin::cuda
