// SPDX-License-Identifier: Apache-2.0
// Where a stage's threads spent their time. Busy is what is left of the wall time once the waiting at queues
// is taken off, so that none of it is counted twice or lost.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>

namespace millrace::ingest {

inline std::int64_t clock_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

struct StageTimes {
  std::int64_t wall_ns = 0;                                           // of the longest thread
  std::int64_t busy_ns = 0, input_ns = 0, output_ns = 0, cpu_ns = 0;  // of all threads
  std::uint64_t bytes = 0;                                            // of the records, as stored

  void add(const StageTimes& other) {
    wall_ns = std::max(wall_ns, other.wall_ns);
    busy_ns += other.busy_ns;
    input_ns += other.input_ns;
    output_ns += other.output_ns;
    cpu_ns += other.cpu_ns;
    bytes += other.bytes;
  }
};

// Of one thread: from here until stop.
class StageClock {
 public:
  std::int64_t input_ns = 0, output_ns = 0;  // to be added to by who waits
  std::uint64_t bytes = 0;

  [[nodiscard]] StageTimes stop() const {
    const std::int64_t wall = clock_ns(CLOCK_MONOTONIC) - began_;
    return {wall, wall - input_ns - output_ns, input_ns, output_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_,
            bytes};
  }

 private:
  std::int64_t began_ = clock_ns(CLOCK_MONOTONIC), cpu_ = clock_ns(CLOCK_THREAD_CPUTIME_ID);
};

}  // namespace millrace::ingest
