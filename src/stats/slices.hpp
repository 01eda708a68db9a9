// SPDX-License-Identifier: Apache-2.0
// Time slices: what each thread moved between two moments, and all threads together on one time grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "units/result.hpp"

namespace millrace::stats {

// What one thread did from begin_ns to end_ns (CLOCK_MONOTONIC of its host).
struct Slice {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  std::uint64_t bytes = 0;
  std::uint64_t operations = 0;
};

// All threads together. Period i reaches from begin_ns + i * period_ns to begin_ns + (i + 1) * period_ns.
struct GridSeries {
  std::int64_t begin_ns = 0;
  std::int64_t period_ns = 0;
  std::vector<double> bytes_per_s;
  std::vector<double> operations_per_s;
  std::size_t ignored = 0;  // slices that end before they begin: their recorder is at fault

  [[nodiscard]] double period_s() const { return static_cast<double>(period_ns) * 1e-9; }
};

// Lays the slices of all threads on one grid: a slice gives each period its share by how much of the slice's
// time lies in it (an instant gives all to its period), and what lies outside [begin_ns, end_ns) is left out.
// Only whole periods count: the rest of a last, broken one is dropped. O(slices + periods that they touch).
// Fails where the period is not positive or the grid would have more than kMostPeriods.
inline constexpr std::int64_t kMostPeriods = 1 << 24;
Result<GridSeries> rates_on_grid(std::span<const std::vector<Slice>> per_thread, std::int64_t begin_ns,
                                 std::int64_t end_ns, std::int64_t period_ns);

// From when the last thread had begun until the first one ended: the window in which all of them ran, and the
// only one in which their rates may be added up. Nothing where there is no such window, as when a thread has
// no slices.
std::optional<std::pair<std::int64_t, std::int64_t>> common_window(
    std::span<const std::vector<Slice>> per_thread);

}  // namespace millrace::stats
