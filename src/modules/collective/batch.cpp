// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/batch.hpp"

#include <algorithm>

namespace millrace::collective {
namespace {

constexpr std::int64_t kBatch_ns = 50'000'000;

std::int64_t time_of(const Interval& interval) { return interval.end_ns - interval.begin_ns; }

}  // namespace

BatchTimes over_ranks(std::span<const Interval> all, std::size_t ranks, std::size_t count, bool one_clock) {
  BatchTimes batch;
  if (ranks == 0 || count == 0) return batch;
  const auto at = [&](std::size_t rank, std::size_t i) -> const Interval& { return all[rank * count + i]; };
  for (std::size_t rank = 0; rank < ranks; ++rank)
    batch.slowest_ns = std::max(batch.slowest_ns, at(rank, count - 1).end_ns - at(rank, 0).begin_ns);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t latest = 0, earliest = 0, slowest = 0, quickest = 0;
    for (std::size_t rank = 1; rank < ranks; ++rank) {
      if (at(rank, i).arrived_ns > at(latest, i).arrived_ns) latest = rank;
      if (at(rank, i).arrived_ns < at(earliest, i).arrived_ns) earliest = rank;
      if (time_of(at(rank, i)) > time_of(at(slowest, i))) slowest = rank;
      if (time_of(at(rank, i)) < time_of(at(quickest, i))) quickest = rank;
    }
    IterationTimes times;
    times.slowest_ns = time_of(at(slowest, i));
    times.latest = static_cast<int>(one_clock ? latest : quickest);
    times.arrival_skew_ns = one_clock ? at(latest, i).arrived_ns - at(earliest, i).arrived_ns
                                      : times.slowest_ns - time_of(at(quickest, i));
    batch.iterations.push_back(times);
  }
  return batch;
}

std::uint64_t next_batch(std::uint64_t before, const BatchTimes& times, std::uint64_t most) {
  const auto count = static_cast<std::int64_t>(times.iterations.size());
  const std::int64_t pace = std::max<std::int64_t>(times.slowest_ns / std::max<std::int64_t>(count, 1), 1);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(kBatch_ns / pace), 1,
                                   std::min(4 * before, most));
}

}  // namespace millrace::collective
