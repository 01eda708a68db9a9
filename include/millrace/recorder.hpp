// SPDX-License-Identifier: Apache-2.0
// The hot path of recording: a few nanoseconds an operation, no locks, no system calls. One Recorder a
// thread.
#pragma once

#include "millrace/module_abi.h"

namespace millrace::sdk {

class Recorder {
 public:
  Recorder() = default;
  explicit Recorder(millrace_recorder* recorder) : recorder_(recorder) {}

  // `operations` operations that moved `bytes` bytes in all were complete at `now_ns`.
  void done(std::int64_t now_ns, std::uint64_t bytes, std::uint64_t operations = 1) {
    recorder_->bytes += bytes;
    recorder_->operations += operations;
    if (now_ns >= recorder_->slice_end_ns) [[unlikely]]
      recorder_->publish(recorder_, now_ns);
  }

  // `count` operations each took `ns`.
  void latency(std::uint64_t ns, std::uint64_t count = 1) {
    recorder_->latency_counts[millrace_latency_bucket(ns)] += count;
    if (ns < recorder_->latency_min_ns) recorder_->latency_min_ns = ns;
    if (ns > recorder_->latency_max_ns) recorder_->latency_max_ns = ns;
  }

  explicit operator bool() const { return recorder_ != nullptr; }

 private:
  millrace_recorder* recorder_ = nullptr;
};

}  // namespace millrace::sdk
