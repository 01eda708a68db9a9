// SPDX-License-Identifier: Apache-2.0
// The clock by which stand-ins enforce rates: CLOCK_MONOTONIC, in nanoseconds.
#pragma once

#include <time.h>

#include <cerrno>
#include <cstdint>

namespace millrace::standin {

inline std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// Returns at once when it is past. `spin_ns`: the last part of the waiting that is spent awake, for an end
// that is exact to a microsecond on an idle core.
inline void sleep_until(std::int64_t end_ns, std::int64_t spin_ns = 0) {
  const std::int64_t wake_ns = end_ns - spin_ns;
  if (wake_ns > now_ns()) {
    const timespec wake{wake_ns / 1'000'000'000, wake_ns % 1'000'000'000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr) == EINTR) {
    }
  }
  while (now_ns() < end_ns) {
  }
}

}  // namespace millrace::standin
