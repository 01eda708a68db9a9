// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/service_times.hpp"

#include <cmath>
#include <numeric>

namespace millrace::storage {

void ServiceTimes::merge(const ServiceTimes& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::optional<double> ServiceTimes::quantile_s(double q) const {
  const std::uint64_t count = std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
  if (static_cast<double>(count) * (1 - q) < 10) return std::nullopt;
  const auto rank = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count)));
  std::uint64_t below = 0;
  std::uint32_t bucket = 0;
  while ((below += counts_[bucket]) < rank) ++bucket;
  return 1e-9 * static_cast<double>(millrace_latency_bucket_floor(bucket));
}

}  // namespace millrace::storage
