// SPDX-License-Identifier: Apache-2.0
// Streams and events. Each belongs to the context that was current when it was made.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "units/result.hpp"

namespace millrace::cuda {

class Event {
 public:
  static Result<Event> make();  // with timing
  Event() = default;
  Event(Event&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Event();
  Result<void> record(CUstream stream) const;
  // Whether all work before it is done. Errors of that work come out here.
  [[nodiscard]] Result<bool> is_done() const;
  // Seconds from `earlier` to this; both are done. Resolution about 0.5 us.
  [[nodiscard]] Result<double> seconds_since(const Event& earlier) const;
  [[nodiscard]] CUevent handle() const { return handle_; }
  void abandon() { handle_ = nullptr; }  // see Context::abandon

 private:
  CUevent handle_ = nullptr;
};

class Stream {
 public:
  static Result<Stream> make();  // does not wait for the default stream
  Stream() = default;
  Stream(Stream&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Stream();
  Result<void> wait_for(const Event& event) const;
  [[nodiscard]] Result<bool> is_done() const;
  [[nodiscard]] CUstream handle() const { return handle_; }
  void abandon() { handle_ = nullptr; }

 private:
  CUstream handle_ = nullptr;
};

// Asks `is_done` again and again, asleep in between (20 us at first, 1 ms at most, or with `spin` not at
// all), and never inside the driver, so that a device that hangs costs a time-out and not the process.
// Errors: what `is_done` says; after the time-out, that `doing` did not end in it. `stop` (may be empty) ends
// the waiting: then false.
Result<bool> wait_until(const std::function<Result<bool>()>& is_done, std::int64_t timeout_ns,
                        const std::string& doing, const std::function<bool()>& stop = {}, bool spin = false);

}  // namespace millrace::cuda
