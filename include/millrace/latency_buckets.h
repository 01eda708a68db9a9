/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket layout of Millrace's latency histogram, shared by modules (which count) and the core (which
 * merges, stores and reads quantiles).
 *
 * Log-linear, after HdrHistogram (G. Tene): values below 2^7 ns have a bucket each; above, every octave is
 * cut into 2^7 equal buckets. A bucket's width is at most 2^-7 of its lower edge, so the midpoint is within
 * 0.4 % of every value in it. Range: 0 to 2^42 ns (73 minutes); larger values count in the last bucket. */
#ifndef MILLRACE_LATENCY_BUCKETS_H
#define MILLRACE_LATENCY_BUCKETS_H

#include <stdint.h>

#define MILLRACE_LATENCY_SUB_BITS 7u
#define MILLRACE_LATENCY_MAX_BITS 42u
#define MILLRACE_LATENCY_BUCKETS \
  ((MILLRACE_LATENCY_MAX_BITS - MILLRACE_LATENCY_SUB_BITS + 1u) << MILLRACE_LATENCY_SUB_BITS)

/* The bucket of a latency in nanoseconds: 0 .. MILLRACE_LATENCY_BUCKETS - 1. */
static inline uint32_t millrace_latency_bucket(uint64_t ns) {
  if (ns < (1u << MILLRACE_LATENCY_SUB_BITS)) return (uint32_t)ns;
  if (ns >= (UINT64_C(1) << MILLRACE_LATENCY_MAX_BITS)) return MILLRACE_LATENCY_BUCKETS - 1u;
  const uint32_t shift = 63u - (uint32_t)__builtin_clzll(ns) - MILLRACE_LATENCY_SUB_BITS;
  return (shift << MILLRACE_LATENCY_SUB_BITS) + (uint32_t)(ns >> shift);
}

/* The least latency, in nanoseconds, that falls into a bucket. */
static inline uint64_t millrace_latency_bucket_floor(uint32_t bucket) {
  if (bucket < (2u << MILLRACE_LATENCY_SUB_BITS)) return bucket;
  const uint32_t shift = (bucket >> MILLRACE_LATENCY_SUB_BITS) - 1u;
  return (uint64_t)(bucket - (shift << MILLRACE_LATENCY_SUB_BITS)) << shift;
}

#endif
