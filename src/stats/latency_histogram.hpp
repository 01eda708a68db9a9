// SPDX-License-Identifier: Apache-2.0
// Latencies of operations, counted in the buckets that modules count in (millrace/latency_buckets.h):
// mergeable, with a relative error of at most 0.4 %.
#pragma once

#include <millrace/latency_buckets.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "units/result.hpp"

namespace millrace::stats {

// How many samples a quantile needs before it is a figure at all: ten beyond it, 10 / (1 - q). With fewer,
// the p99 of a run is hardly more than its maximum. The median needs 20, p99 1,000, p99.9 10,000.
[[nodiscard]] bool is_resolved(std::uint64_t count, double q);

// The least and the greatest latency of a set, exactly; the buckets know them only to 0.8 %.
struct LatencyExtremes {
  std::uint64_t min_ns = 0;
  std::uint64_t max_ns = 0;
};

class LatencyHistogram {
 public:
  static constexpr const char* kUnit = "ns";
  static constexpr std::uint32_t kSubBits = MILLRACE_LATENCY_SUB_BITS;
  using SparseBuckets = std::vector<std::pair<std::uint32_t, std::uint64_t>>;  // index, count; ascending

  LatencyHistogram() : counts_(MILLRACE_LATENCY_BUCKETS) {}

  void add(std::uint64_t ns, std::uint64_t count = 1) {
    if (count == 0) return;
    counts_[millrace_latency_bucket(ns)] += count;
    count_ += count;
    if (ns < extremes_.min_ns) extremes_.min_ns = ns;
    if (ns > extremes_.max_ns) extremes_.max_ns = ns;
  }

  void merge(const LatencyHistogram& other);

  // Adds what a module's recorder counted. `size` beyond the layout's buckets must hold zeros (else it throws
  // std::invalid_argument: a bug of the caller). Without extremes the edges of the outermost buckets stand
  // in.
  void merge_counts(const std::uint64_t* buckets, std::size_t size,
                    std::optional<LatencyExtremes> extremes = {});

  [[nodiscard]] std::uint64_t count() const { return count_; }

  // The figures below are in seconds, and nothing where nothing was counted.

  // The smallest latency that at least ceil(q * count) of the counted ones do not exceed (the inverse of the
  // empirical distribution, type 1 of Hyndman & Fan 1996; no interpolation, hence no rank off by one), as the
  // middle of its bucket, kept within min and max. q is clamped to [0, 1]; 0 gives min, 1 gives max. It does
  // not ask whether the count resolves q.
  [[nodiscard]] std::optional<double> quantile(double q) const;
  // The same, but nothing where the count cannot resolve q: what output shows.
  [[nodiscard]] std::optional<double> resolved_quantile(double q) const;
  // By the middles of the buckets, so within 0.4 %, and the same before and after a round trip through a
  // document.
  [[nodiscard]] std::optional<double> mean() const;
  [[nodiscard]] std::optional<double> min() const;
  [[nodiscard]] std::optional<double> max() const;

  // The highest of 0.5, 0.9, 0.99, 0.999 and 0.9999 that the count resolves; nothing below 20 samples.
  [[nodiscard]] std::optional<double> resolved_to() const;
  // The same as the result document has it: "p50", "p99.9", or "" for none.
  [[nodiscard]] std::string resolved_to_text() const;

  // The non-empty buckets, as the result document stores them.
  [[nodiscard]] SparseBuckets sparse() const;
  // Back again. Fails, naming the entry, on an index beyond the layout, on indices that do not ascend, on an
  // empty bucket, and where the counts overflow. Extremes outside of the buckets are refused too.
  static Result<LatencyHistogram> from_sparse(
      std::span<const std::pair<std::uint32_t, std::uint64_t>> buckets,
      std::optional<LatencyExtremes> extremes = {});

 private:
  [[nodiscard]] double middle_ns(std::uint32_t bucket) const;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  LatencyExtremes extremes_{UINT64_MAX, 0};
};

}  // namespace millrace::stats
