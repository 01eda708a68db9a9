// SPDX-License-Identifier: Apache-2.0
#include "diagnose/latency/answer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/latency/queue.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kQuantileUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kGridPoints = 4096;
constexpr double kGridReach = 4;  // times the sum of the parts' tails
constexpr double kLowestReach = 1e-6;

double tail_of(const PartTime& part) {
  const double tail = part.counted ? part.counted->max().value_or(0) * part.counted_scale : part.p99_s;
  // A counted maximum may be one outlier: its 99th percentile five times over is as far as the grid has to
  // reach for it.
  const double p99 = part.counted ? 5 * part.counted->quantile(0.99).value_or(0) * part.counted_scale : tail;
  return std::min(tail, p99) * part.mended;
}

Grid grid_for(const std::vector<PartTime>& parts, double load, double service_tail) {
  double reach = kLowestReach;
  for (const PartTime& part : parts) reach += tail_of(part);
  if (load < 1) reach += service_tail * std::log(100 * std::max(load, 0.02)) / (1 - load) / 2;
  return {kGridReach * reach / static_cast<double>(kGridPoints - 1), kGridPoints};
}

}  // namespace

bool is_computed_queue(const PartTime& part) {
  return part.kind == workload::PartKind::kQueue && part.p50_s <= 0;
}

Answer add_up(std::vector<PartTime> parts, const workload::Serving& serving) {
  Answer answer;
  double service_s = 0, service_tail = 0;
  for (const PartTime& part : parts)
    if (holds_the_replica(part.kind)) {
      service_s += part.p50_s * part.mended;
      service_tail += tail_of(part);
    }
  const bool queues = std::any_of(parts.begin(), parts.end(), is_computed_queue);
  answer.load = queues ? serving.requests_per_s * service_s : 0;
  const Grid grid = grid_for(parts, answer.load, service_tail);
  Distribution service = Distribution::constant(0, grid);
  for (const PartTime& part : parts)
    if (holds_the_replica(part.kind)) service = service.plus(part.on(grid));
  for (PartTime& part : parts) {
    TimedPart timed{part.name, part.on(grid), part.counted ? part.counted->count() : 0, part.longest_of};
    if (is_computed_queue(part)) {
      const auto waiting = waiting_time(service, serving.requests_per_s);
      answer.load = serving.requests_per_s * service.mean_s();
      part.source =
          fmt::format("computed: M/G/1 at a load of {:.0f} %: {:g} a second × {} (Pollaczek and Khinchine)",
                      answer.load * 100, serving.requests_per_s, time_words(service.mean_s()));
      answer.overloaded = !waiting;
      if (waiting) {
        timed.time = *waiting;
        part.p50_s = waiting->quantile(0.5).value_or(kQuantileUnknown);
        part.p99_s = waiting->quantile(0.99).value_or(kQuantileUnknown);
      } else {
        part.p50_s = part.p99_s = kQuantileUnknown;
      }
    }
    answer.timed.push_back(std::move(timed));
  }
  answer.parts = std::move(parts);
  if (!answer.overloaded) answer.sum = sum_of_parts(answer.timed);
  return answer;
}

}  // namespace millrace::diagnose
