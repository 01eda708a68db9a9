// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/batch_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modules/collective/factors.hpp"

namespace millrace::collective {
namespace {

constexpr std::size_t kSamplesOfBatch = 16;

double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

void report_rates(const sdk::Host& host, const Request& request, const BatchTimes& batch, std::size_t count,
                  std::string_view library_algorithm) {
  const double algorithm = static_cast<double>(request.bytes() * count) / seconds(batch.slowest_ns);
  const auto ranks = static_cast<std::uint64_t>(request.ranks);
  const double bus = algorithm * bus_factor(request.collective, ranks);
  host.sample("algorithm_bytes_per_s", algorithm);
  host.sample("bus_bytes_per_s", bus);
  if (host.hosts() > 1)
    host.sample("wire_floor_bytes_per_s",
                wire_rate_floor(bus, static_cast<std::uint64_t>(host.hosts()), ranks));
  if (const auto factor = wire_factor(request.collective, library_algorithm, ranks))
    host.sample("wire_bytes_per_s", algorithm * *factor);
}

}  // namespace

void record_latencies(sdk::Recorder& recorder, const BatchTimes& batch) {
  for (const IterationTimes& times : batch.iterations)
    recorder.latency(static_cast<std::uint64_t>(std::max<std::int64_t>(times.slowest_ns, 0)));
}

void report_batch(const sdk::Host& host, const Request& request, const BatchTimes& batch,
                  std::span<const Interval> mine, std::string_view algorithm) {
  const std::size_t count = mine.size();
  std::int64_t own_ns = 0;
  for (const Interval& interval : mine) own_ns += interval.end_ns - interval.begin_ns;
  host.sample("rank_time_s", seconds(own_ns) / static_cast<double>(count));
  if (host.rank() != 0 || batch.slowest_ns <= 0) return;
  report_rates(host, request, batch, count, algorithm);
  for (std::size_t i = 0; i < count; i += std::max<std::size_t>(count / kSamplesOfBatch, 1)) {
    host.sample("arrival_skew_s", seconds(batch.iterations[i].arrival_skew_ns));
    host.counter(fmt::format("collective:rank{}_was_latest", batch.iterations[i].latest).c_str(), 1);
  }
}

}  // namespace millrace::collective
