// SPDX-License-Identifier: Apache-2.0
// CLOCK_MONOTONIC in nanoseconds. The kernel serves it without a system call (vDSO) where its clock source is
// the TSC: about 20 ns, and read twice for a batch of operations, so that reading the TSC ourselves would
// save less than 2 ns an operation and cost the calibration's error.
#pragma once

#include <cstdint>
#include <ctime>

namespace millrace::storage {

inline std::int64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace millrace::storage
