// SPDX-License-Identifier: Apache-2.0
#include "modules/host/timed_wait.hpp"

#include <sys/prctl.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace::host {
namespace {

// A wake-up from a timer takes some tens of microseconds; what is left of the margin is spun away.
constexpr std::int64_t kMarginNs = 80'000;

std::int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// By default the kernel may delay a timer by 50 us to merge wake-ups.
void ask_for_exact_timers() {
  thread_local const int once = prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  static_cast<void>(once);
}

}  // namespace

std::int64_t wait_for(std::int64_t ns) {
  if (ns <= 0) return 0;
  const std::int64_t begin = now_ns(), end = begin + ns;
  if (ns > kMarginNs) {
    ask_for_exact_timers();
    const std::int64_t wake = end - kMarginNs;
    const timespec until{wake / 1'000'000'000, wake % 1'000'000'000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) {
    }
  }
  std::int64_t now = now_ns();
  while (now < end) {
    relax();
    now = now_ns();
  }
  return now - begin;
}

}  // namespace millrace::host
