// SPDX-License-Identifier: Apache-2.0
// Times of a batch of collectives, seen from all ranks. All ranks wait for the last one, so the rank that
// comes late measures the shortest time: a figure is the maximum over ranks, and who was late is judged by
// when each arrived.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::collective {

struct Interval {
  std::int64_t begin_ns = 0, end_ns = 0;
  std::int64_t arrived_ns = begin_ns;  // when the rank was ready for it, which may be later than it began
};

struct IterationTimes {
  std::int64_t slowest_ns = 0;  // the longest time of any rank: the collective's latency
  // How far apart the ranks arrived. On clocks of several hosts, by how much longer the longest waited than
  // the shortest: they leave together, so that is about the same.
  std::int64_t arrival_skew_ns = 0;
  int latest = 0;  // the rank that arrived last (several hosts: that took the shortest time)
};

struct BatchTimes {
  std::vector<IterationTimes> iterations;
  std::int64_t slowest_ns = 0;  // from a rank's first begin to its last end: the longest of any rank
};

// `all` holds rank 0's `count` intervals, then rank 1's, and so on. `one_clock`: all ranks are on one host.
BatchTimes over_ranks(std::span<const Interval> all, std::size_t ranks, std::size_t count, bool one_clock);

// How many collectives the next batch has: some 50 ms of them, seldom enough that looking at all ranks' times
// costs nothing; at most four times as many as before, and `most`. The same on every rank, since it follows
// from what all of them gathered.
std::uint64_t next_batch(std::uint64_t before, const BatchTimes& times, std::uint64_t most);

}  // namespace millrace::collective
