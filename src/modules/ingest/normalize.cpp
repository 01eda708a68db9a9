// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/normalize.hpp"

namespace millrace::ingest {
namespace {

// One loop, compiled for what the CPU has: the compiler vectorises it.
__attribute__((always_inline)) inline void loop(const std::uint8_t* __restrict from, float* __restrict to,
                                                std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = (static_cast<float>(from[i]) - kMean) * kScale;
}

void normalize_baseline(const std::uint8_t* from, float* to, std::size_t count) { loop(from, to, count); }

#if defined(__x86_64__)
__attribute__((target("avx2"))) void normalize_avx2(const std::uint8_t* from, float* to, std::size_t count) {
  loop(from, to, count);
}
#endif

}  // namespace

void normalize(const std::uint8_t* from, float* to, std::size_t count) {
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) return normalize_avx2(from, to, count);
#endif
  normalize_baseline(from, to, count);
}

}  // namespace millrace::ingest
