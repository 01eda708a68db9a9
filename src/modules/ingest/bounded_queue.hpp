// SPDX-License-Identifier: Apache-2.0
// A queue between stages. It says how long a thread had to wait at it (nothing when it had not to), and how
// full it was on the average over time: the two things that tell which stage binds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace millrace::ingest {

template <typename T>
class BoundedQueue {
 public:
  using Clock = std::chrono::steady_clock;

  explicit BoundedQueue(std::size_t capacity) : slots_(capacity), began_(Clock::now()), changed_(began_) {}

  // False: closed. `waited_ns` grows by the time spent waiting for room.
  bool push(T value, std::int64_t& waited_ns) {
    std::unique_lock hold(mutex_);
    if (count_ == slots_.size() && !closed_)
      wait(hold, room_, waited_ns, [this] { return count_ < slots_.size(); });
    if (closed_) return false;
    change(1);
    slots_[(first_ + count_ - 1) % slots_.size()] = std::move(value);
    hold.unlock();
    filled_.notify_one();
    return true;
  }

  // False: closed, whatever is still in it. `waited_ns` grows by the time spent waiting for something.
  bool pop(T& value, std::int64_t& waited_ns) {
    std::unique_lock hold(mutex_);
    if (count_ == 0 && !closed_) wait(hold, filled_, waited_ns, [this] { return count_ > 0; });
    return take(hold, value);
  }

  bool try_pop(T& value) {
    std::unique_lock hold(mutex_);
    return count_ > 0 && take(hold, value);
  }

  // Waits at most `limit`; false also when that is over.
  bool pop_for(T& value, std::chrono::milliseconds limit, std::int64_t& waited_ns) {
    std::unique_lock hold(mutex_);
    if (count_ == 0 && !closed_) {
      const auto begin = Clock::now();
      filled_.wait_until(hold, begin + limit, [this] { return closed_ || count_ > 0; });
      waited_ns += nanoseconds(Clock::now() - begin);
    }
    return count_ > 0 && take(hold, value);
  }

  // Everybody who waits, or comes later, gets false.
  void close() {
    {
      const std::scoped_lock hold(mutex_);
      closed_ = true;
      change(0);
    }
    room_.notify_all();
    filled_.notify_all();
  }

  [[nodiscard]] bool closed() const {
    const std::scoped_lock hold(mutex_);
    return closed_;
  }

  // Forgets how full it was so far.
  void restart() {
    const std::scoped_lock hold(mutex_);
    began_ = changed_ = Clock::now();
    filled_ns_ = 0;
  }

  // Mean share of its slots in use, since restart and until it was closed.
  [[nodiscard]] double mean_fill() {
    const std::scoped_lock hold(mutex_);
    change(0);
    const double whole =
        static_cast<double>(nanoseconds(changed_ - began_)) * static_cast<double>(slots_.size());
    return whole > 0 ? filled_ns_ / whole : 0;
  }

 private:
  static std::int64_t nanoseconds(Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  }

  template <typename Ready>
  void wait(std::unique_lock<std::mutex>& hold, std::condition_variable& until, std::int64_t& waited_ns,
            Ready ready) {
    const auto begin = Clock::now();
    until.wait(hold, [&] { return closed_ || ready(); });
    waited_ns += nanoseconds(Clock::now() - begin);
  }

  bool take(std::unique_lock<std::mutex>& hold, T& value) {
    if (closed_) return false;
    value = std::move(slots_[first_]);
    first_ = (first_ + 1) % slots_.size();
    change(-1);
    hold.unlock();
    room_.notify_one();
    return true;
  }

  void change(int by) {
    if (stopped_) return;
    const auto now = Clock::now();
    filled_ns_ += static_cast<double>(nanoseconds(now - changed_)) * static_cast<double>(count_);
    changed_ = now;
    count_ = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(count_) + by);
    stopped_ = closed_;
  }

  mutable std::mutex mutex_;
  std::condition_variable room_, filled_;
  std::vector<T> slots_;
  std::size_t first_ = 0, count_ = 0;
  bool closed_ = false, stopped_ = false;
  Clock::time_point began_, changed_;
  double filled_ns_ = 0;  // slots in use × time
};

}  // namespace millrace::ingest
