// SPDX-License-Identifier: Apache-2.0
// Time slices, made fewer by merging neighbours.
#pragma once

#include <algorithm>
#include <cstddef>

#include "record/result.hpp"

namespace millrace::record {

inline constexpr std::size_t kMaxSlices = 1000;  // in a document

// At most `limit` slices: k neighbours become one, with k times the period and their sums; the last one may
// hold fewer than k. Unchanged when they are few enough.
inline Slices coarsen(const Slices& slices, std::size_t limit) {
  const std::size_t count = std::max(slices.bytes.size(), slices.operations.size());
  if (count <= limit) return slices;
  const std::size_t k = (count + limit - 1) / limit;
  const auto merged = [&](const std::vector<std::uint64_t>& values) {
    std::vector<std::uint64_t> sums((values.size() + k - 1) / k);
    for (std::size_t i = 0; i < values.size(); ++i) sums[i / k] += values[i];
    return sums;
  };
  return {slices.period_s * static_cast<double>(k), merged(slices.bytes), merged(slices.operations)};
}

}  // namespace millrace::record
