// SPDX-License-Identifier: Apache-2.0
#include "cuda/timeline.hpp"

#include <algorithm>
#include <thread>

#include "machine/clock.hpp"

namespace millrace::standin::cuda {

std::shared_ptr<Timeline> Timeline::start() {
  auto timeline = std::make_shared<Timeline>();
  std::thread([timeline] { timeline->play_all(); }).detach();
  return timeline;
}

void Timeline::add(Operation operation) {
  const std::lock_guard lock(mutex_);
  ++added_;
  queue_.push_back({std::move(operation), now_ns()});
  changed_.notify_all();
}

void Timeline::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

void Timeline::wait_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_idle(); });
}

void Timeline::play_all() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !queue_.empty() || closed_; });
    if (queue_.empty()) return;
    const Queued next = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    end_ns_ = next.play(std::max(end_ns_, next.added_ns));
    sleep_until(end_ns_);
    lock.lock();
    ++done_;
    changed_.notify_all();
  }
}

void Moment::set(std::int64_t at_ns) {
  const std::lock_guard lock(mutex_);
  at_ns_ = at_ns;
  changed_.notify_all();
}

std::int64_t Moment::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_set(); });
  return at_ns();
}

}  // namespace millrace::standin::cuda
