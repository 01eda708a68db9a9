// SPDX-License-Identifier: Apache-2.0
#include "stats/latency_histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace millrace::stats {
namespace {

constexpr std::uint32_t kBuckets = MILLRACE_LATENCY_BUCKETS;
constexpr double kSeconds = 1e-9;

struct Resolvable {
  double quantile;
  const char* text;
};
constexpr std::array<Resolvable, 5> kResolvable{
    {{0.5, "p50"}, {0.9, "p90"}, {0.99, "p99"}, {0.999, "p99.9"}, {0.9999, "p99.99"}}};

// The greatest latency that falls into a bucket; the last one has no end.
std::uint64_t bucket_ceiling(std::uint32_t bucket) {
  return bucket + 1 < kBuckets ? millrace_latency_bucket_floor(bucket + 1) - 1 : UINT64_MAX;
}

// ceil(q * count), at least one. In floating point 0.07 * 100 is 7.000000000000001, whose ceiling is one too
// many.
std::uint64_t rank_of(double q, std::uint64_t count) {
  const double exact = std::clamp(q, 0.0, 1.0) * static_cast<double>(count);
  const double nearest = std::round(exact);
  const double slack = 4 * std::numeric_limits<double>::epsilon() * exact;
  const double rank = std::fabs(exact - nearest) <= slack ? nearest : std::ceil(exact);
  if (rank >= static_cast<double>(count)) return count;
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
}

const Resolvable* highest_resolved(std::uint64_t count) {
  const Resolvable* highest = nullptr;
  for (const Resolvable& candidate : kResolvable)
    if (is_resolved(count, candidate.quantile)) highest = &candidate;
  return highest;
}

}  // namespace

bool is_resolved(std::uint64_t count, double q) {
  // 10 / (1 - 0.99) is 999.9999999999991 or 1000.0000000000009, as rounding has it; a millionth settles it.
  return static_cast<double>(count) * (1.0 - q) >= 10.0 * (1.0 - 1e-6);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (std::uint32_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  extremes_.min_ns = std::min(extremes_.min_ns, other.extremes_.min_ns);
  extremes_.max_ns = std::max(extremes_.max_ns, other.extremes_.max_ns);
}

void LatencyHistogram::merge_counts(const std::uint64_t* buckets, std::size_t size,
                                    std::optional<LatencyExtremes> extremes) {
  std::uint64_t added = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (buckets[i] == 0) continue;
    if (i >= kBuckets) throw std::invalid_argument("latency counts beyond the last bucket of the layout");
    last = static_cast<std::uint32_t>(i);
    if (added == 0) first = last;
    counts_[i] += buckets[i];
    added += buckets[i];
  }
  if (added == 0) return;
  count_ += added;
  // The last bucket has no end: its floor is all that is known of what it holds.
  const std::uint64_t top = last + 1 < kBuckets ? bucket_ceiling(last) : millrace_latency_bucket_floor(last);
  const LatencyExtremes known = extremes.value_or(LatencyExtremes{millrace_latency_bucket_floor(first), top});
  extremes_.min_ns = std::min(extremes_.min_ns, known.min_ns);
  extremes_.max_ns = std::max(extremes_.max_ns, known.max_ns);
}

double LatencyHistogram::middle_ns(std::uint32_t bucket) const {
  const auto floor = static_cast<double>(millrace_latency_bucket_floor(bucket));
  // What lies beyond the layout's range is counted in its last bucket, of which only the greatest is known.
  if (bucket + 1 == kBuckets) return std::max(floor, static_cast<double>(extremes_.max_ns));
  const double middle = 0.5 * (floor + static_cast<double>(bucket_ceiling(bucket)));
  return std::clamp(middle, static_cast<double>(extremes_.min_ns), static_cast<double>(extremes_.max_ns));
}

std::optional<double> LatencyHistogram::quantile(double q) const {
  if (count_ == 0 || std::isnan(q)) return std::nullopt;
  const std::uint64_t rank = rank_of(q, count_);
  if (rank == count_) return max();
  if (rank == 1) return min();
  std::uint64_t below = 0;
  std::uint32_t bucket = 0;
  while ((below += counts_[bucket]) < rank) ++bucket;
  return middle_ns(bucket) * kSeconds;
}

std::optional<double> LatencyHistogram::resolved_quantile(double q) const {
  return is_resolved(count_, q) ? quantile(q) : std::nullopt;
}

std::optional<double> LatencyHistogram::mean() const {
  if (count_ == 0) return std::nullopt;
  double sum = 0;
  for (std::uint32_t i = 0; i < kBuckets; ++i)
    if (counts_[i] != 0) sum += middle_ns(i) * static_cast<double>(counts_[i]);
  return sum / static_cast<double>(count_) * kSeconds;
}

std::optional<double> LatencyHistogram::min() const {
  if (count_ == 0) return std::nullopt;
  return static_cast<double>(extremes_.min_ns) * kSeconds;
}

std::optional<double> LatencyHistogram::max() const {
  if (count_ == 0) return std::nullopt;
  return static_cast<double>(extremes_.max_ns) * kSeconds;
}

std::optional<double> LatencyHistogram::resolved_to() const {
  const Resolvable* highest = highest_resolved(count_);
  return highest == nullptr ? std::nullopt : std::optional<double>(highest->quantile);
}

std::string LatencyHistogram::resolved_to_text() const {
  const Resolvable* highest = highest_resolved(count_);
  return highest == nullptr ? "" : highest->text;
}

LatencyHistogram::SparseBuckets LatencyHistogram::sparse() const {
  SparseBuckets buckets;
  for (std::uint32_t i = 0; i < kBuckets; ++i)
    if (counts_[i] != 0) buckets.emplace_back(i, counts_[i]);
  return buckets;
}

Result<LatencyHistogram> LatencyHistogram::from_sparse(
    std::span<const std::pair<std::uint32_t, std::uint64_t>> buckets,
    std::optional<LatencyExtremes> extremes) {
  LatencyHistogram histogram;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto [index, count] = buckets[i];
    const auto refuse = [&](const std::string& why) {
      return failure(fmt::format("latency histogram: bucket {} of the list {}", i, why),
                     "The document is damaged or was written by another tool: measure again.");
    };
    if (index >= kBuckets) return refuse(fmt::format("has index {}, the last is {}", index, kBuckets - 1));
    if (i > 0 && index <= buckets[i - 1].first) return refuse("does not come after the one before it");
    if (count == 0) return refuse("is empty");
    if (__builtin_add_overflow(total, count, &total)) return refuse("makes the sum of counts overflow");
    histogram.counts_[index] = count;
  }
  if (total == 0) return histogram;
  const std::uint32_t first = buckets.front().first;
  const std::uint32_t last = buckets.back().first;
  if (extremes && (millrace_latency_bucket(extremes->min_ns) != first ||
                   millrace_latency_bucket(extremes->max_ns) != last || extremes->min_ns > extremes->max_ns))
    return failure("latency histogram: least and greatest latency do not lie in the outermost buckets",
                   "The document is damaged or was written by another tool: measure again.");
  const std::uint64_t top = last + 1 < kBuckets ? bucket_ceiling(last) : millrace_latency_bucket_floor(last);
  histogram.count_ = total;
  histogram.extremes_ = extremes.value_or(LatencyExtremes{millrace_latency_bucket_floor(first), top});
  return histogram;
}

}  // namespace millrace::stats
