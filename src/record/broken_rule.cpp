// SPDX-License-Identifier: Apache-2.0
#include "record/broken_rule.hpp"

#include <fmt/format.h>
#include <millrace/latency_buckets.h>

#include "record/coarsen.hpp"

namespace millrace::record {

std::string broken_rule(const Estimate& estimate) {
  if (estimate.mean < 0) return fmt::format("a mean rate of {} is below 0", estimate.mean);
  const bool has_interval = estimate.ci95_low && estimate.ci95_high;
  if (has_interval && *estimate.ci95_low > *estimate.ci95_high) return "ci95_low is above ci95_high";
  return {};
}

std::string broken_rule(const LatencyHistogram& histogram) {
  if (histogram.unit != "ns") return fmt::format("the unit \"{}\" is not \"ns\"", histogram.unit);
  if (histogram.sub_bits != static_cast<int>(MILLRACE_LATENCY_SUB_BITS)) {
    return fmt::format("sub_bits is {}, and this millrace knows {}", histogram.sub_bits,
                       MILLRACE_LATENCY_SUB_BITS);
  }
  std::int64_t last = -1;
  for (const auto& [index, count] : histogram.buckets) {
    if (index >= MILLRACE_LATENCY_BUCKETS) {
      return fmt::format("bucket {} is beyond the last, {}", index, MILLRACE_LATENCY_BUCKETS - 1);
    }
    if (index <= last) return fmt::format("bucket {} does not come after bucket {}", index, last);
    last = index;
  }
  return {};
}

std::string broken_rule(const Slices& slices) {
  if (!(slices.period_s > 0)) return fmt::format("a period of {} s", slices.period_s);
  const std::size_t bytes = slices.bytes.size(), operations = slices.operations.size();
  if (bytes > kMaxSlices || operations > kMaxSlices) return fmt::format("more than {} slices", kMaxSlices);
  if (bytes != operations && bytes != 0 && operations != 0) {
    return fmt::format("{} slices of bytes, but {} of operations", bytes, operations);
  }
  return {};
}

std::string broken_rule(const Measurement& measurement) {
  if (measurement.id.empty()) return "the id is empty";
  if (measurement.duration_s < 0) return fmt::format("a duration of {} s", measurement.duration_s);
  if (measurement.limit_bytes_per_s && *measurement.limit_bytes_per_s <= 0) {
    return fmt::format("a limit of {} bytes/s", *measurement.limit_bytes_per_s);
  }
  return {};
}

std::string broken_rule(const Diagnosis& diagnosis) {
  if (diagnosis.accelerators < 1) return fmt::format("{} accelerators", diagnosis.accelerators);
  return {};
}

}  // namespace millrace::record
