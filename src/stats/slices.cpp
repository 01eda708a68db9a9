// SPDX-License-Identifier: Apache-2.0
#include "stats/slices.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::stats {
namespace {

// Of two times of any sign, later >= earlier: their difference always fits without a sign.
std::uint64_t between(std::int64_t earlier, std::int64_t later) {
  return static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
}

// Adds the share of each period that the slice touches. The grid is not empty, and begins at or after
// nothing.
void spread(const Slice& slice, GridSeries& grid) {
  const auto period = static_cast<std::uint64_t>(grid.period_ns);
  const std::uint64_t length = period * grid.bytes_per_s.size();
  if (slice.end_ns < grid.begin_ns) return;
  const std::uint64_t end = std::min(between(grid.begin_ns, slice.end_ns), length);
  const std::uint64_t begin = slice.begin_ns <= grid.begin_ns ? 0 : between(grid.begin_ns, slice.begin_ns);
  if (begin >= length) return;
  const auto bytes = static_cast<double>(slice.bytes);
  const auto operations = static_cast<double>(slice.operations);
  const std::uint64_t whole = between(slice.begin_ns, slice.end_ns);
  if (whole == 0) {
    grid.bytes_per_s[begin / period] += bytes;
    grid.operations_per_s[begin / period] += operations;
    return;
  }
  const double per_ns = 1.0 / static_cast<double>(whole);
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t index = at / period;
    const std::uint64_t next = std::min(end, (index + 1) * period);
    const double share = static_cast<double>(next - at) * per_ns;
    grid.bytes_per_s[index] += bytes * share;
    grid.operations_per_s[index] += operations * share;
    at = next;
  }
}

}  // namespace

Result<GridSeries> rates_on_grid(std::span<const std::vector<Slice>> per_thread, std::int64_t begin_ns,
                                 std::int64_t end_ns, std::int64_t period_ns) {
  if (period_ns <= 0)
    return failure(fmt::format("a time grid with a period of {} ns", period_ns),
                   "The period must be positive.");
  const std::uint64_t periods =
      end_ns > begin_ns ? between(begin_ns, end_ns) / static_cast<std::uint64_t>(period_ns) : 0;
  if (periods > static_cast<std::uint64_t>(kMostPeriods))
    return failure(fmt::format("a time grid of {} periods, {} at most", periods, kMostPeriods),
                   "Use a longer period or a shorter window.");
  GridSeries grid{begin_ns, period_ns, std::vector<double>(periods), std::vector<double>(periods), 0};
  for (const auto& slices : per_thread) {
    for (const Slice& slice : slices) {
      if (slice.end_ns < slice.begin_ns)
        ++grid.ignored;
      else if (periods > 0)
        spread(slice, grid);
    }
  }
  const double per_second = 1e9 / static_cast<double>(period_ns);
  for (double& rate : grid.bytes_per_s) rate *= per_second;
  for (double& rate : grid.operations_per_s) rate *= per_second;
  return grid;
}

std::optional<std::pair<std::int64_t, std::int64_t>> common_window(
    std::span<const std::vector<Slice>> per_thread) {
  if (per_thread.empty()) return std::nullopt;
  std::pair<std::int64_t, std::int64_t> window{INT64_MIN, INT64_MAX};
  for (const auto& slices : per_thread) {
    std::int64_t first = INT64_MAX;  // of no slices: a window that nothing fits into
    std::int64_t last = INT64_MIN;
    for (const Slice& slice : slices) {
      first = std::min(first, slice.begin_ns);
      last = std::max(last, slice.end_ns);
    }
    window.first = std::max(window.first, first);
    window.second = std::min(window.second, last);
  }
  if (window.first >= window.second) return std::nullopt;
  return window;
}

}  // namespace millrace::stats
