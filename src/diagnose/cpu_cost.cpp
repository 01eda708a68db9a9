// SPDX-License-Identifier: Apache-2.0
#include "diagnose/cpu_cost.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "diagnose/conventions.hpp"
#include "diagnose/stage_capacity.hpp"
#include "stats/summary.hpp"

namespace millrace::diagnose {
namespace {

using record::Measurement;

constexpr double kLeastShareOfCost = 0.05;  // no interval reaches lower, as with rates (capacity.cpp)

using Counters = std::map<std::string, double>;
using CostOfCounters = std::function<double(const Counters&)>;  // 0: they do not tell

double counted(const Counters& counters, const std::string& name) {
  const auto found = counters.find(name);
  return found == counters.end() ? 0 : found->second;
}

double over(double seconds, double bytes) { return seconds > 0 && bytes > 0 ? seconds / bytes : 0; }

// The stage whose bytes are the workload's records: the first that counts any (later ones may count what
// preparation made of them).
const record::Stage* stage_of_records(const Measurement& run) {
  for (const char* name : {"read", "prep", "copy"})
    if (const record::Stage* stage = find_stage(&run, name); stage && stage->bytes > 0) return stage;
  return nullptr;
}

// Each repeat's own cost; none unless every repeat tells it.
std::vector<double> costs_of_repeats(const Measurement& m, const CostOfCounters& cost) {
  std::vector<double> costs;
  for (const record::Repeat& repeat : m.repeats)
    if (const double one = cost(repeat.counters); one > 0) costs.push_back(one);
  if (costs.size() != m.repeats.size()) costs.clear();
  return costs;
}

double not_below_least(double low, double mean) { return std::max(low, kLeastShareOfCost * mean); }

void set_interval(CpuCost& cost) {
  const auto interval = stats::mean_interval(cost.repeats);
  if (!interval) return;
  cost.mean = interval->estimate;
  cost.low = not_below_least(interval->low, cost.mean);
  cost.high = interval->high;
}

// What a byte costs grows as the rate falls.
void take_spread_of_rate(const record::Estimate& rate, CpuCost& cost) {
  cost.spread_is_of_rate = true;
  if (!rate.ci95_low || !rate.ci95_high || rate.mean <= 0) return;
  cost.low = not_below_least(cost.mean * rate.mean / std::max(*rate.ci95_high, rate.mean), cost.mean);
  cost.high = *rate.ci95_low > 0 ? cost.mean * std::max(rate.mean / *rate.ci95_low, 1.0) : cost.high;
}

CpuCost cost_from(const Measurement& m, double of_all, const CostOfCounters& of_repeat) {
  CpuCost cost;
  cost.mean = of_all;
  if (of_all <= 0) return cost;
  cost.repeats = costs_of_repeats(m, of_repeat);
  if (cost.repeats.size() >= 2) {
    set_interval(cost);
    return cost;
  }
  cost.repeats.clear();
  take_spread_of_rate(m.throughput_bytes_per_s, cost);
  return cost;
}

bool have_repeats_alike(const std::vector<CpuCost>& costs) {
  const std::size_t repeats = costs.front().repeats.size();
  return repeats >= 2 && std::all_of(costs.begin(), costs.end(),
                                     [&](const CpuCost& cost) { return cost.repeats.size() == repeats; });
}

CpuCost weighed_sum(const std::vector<CpuCost>& costs, double weight) {
  CpuCost sum;
  if (costs.empty()) return sum;
  if (have_repeats_alike(costs)) {
    sum.repeats.assign(costs.front().repeats.size(), 0);
    for (const CpuCost& cost : costs)
      for (std::size_t r = 0; r < sum.repeats.size(); ++r) sum.repeats[r] += weight * cost.repeats[r];
    set_interval(sum);
    return sum;
  }
  double below = 0, above = 0;
  for (const CpuCost& cost : costs) {
    sum.mean += weight * cost.mean;
    below += std::pow(weight * (cost.mean - cost.low), 2);
    above += std::pow(weight * (cost.high - cost.mean), 2);  // infinite where nobody knows
    sum.spread_is_of_rate = sum.spread_is_of_rate || cost.spread_is_of_rate;
  }
  if (!std::isfinite(above)) return sum;
  sum.low = not_below_least(sum.mean - std::sqrt(below), sum.mean);
  sum.high = sum.mean + std::sqrt(above);
  return sum;
}

}  // namespace

CpuCost cost_of_reading(const Measurement& reading) {
  const CostOfCounters of = [](const Counters& counters) {
    return over(counted(counters, conventions::kUserCounter) + counted(counters, conventions::kSystemCounter),
                counted(counters, conventions::kBytesCounter));
  };
  Counters all = reading.counters;
  if (!all.contains(conventions::kBytesCounter))
    all[conventions::kBytesCounter] = reading.throughput_bytes_per_s.mean * reading.duration_s;
  return cost_from(reading, of(all), of);
}

CpuCost cost_of_stages(const Measurement& run) {
  const record::Stage* records = stage_of_records(run);
  double seconds = 0;
  for (const char* name : {"prep", "copy"})
    if (const record::Stage* stage = find_stage(&run, name)) seconds += stage->cpu_s;
  const double bytes = records != nullptr ? static_cast<double>(records->bytes)
                                          : run.throughput_bytes_per_s.mean * run.duration_s;
  return cost_from(run, over(seconds, bytes), [&](const Counters& counters) {
    if (records == nullptr) return 0.0;
    return over(counted(counters, "stage:prep:cpu_s") + counted(counters, "stage:copy:cpu_s"),
                counted(counters, fmt::format("stage:{}:bytes", records->name)));
  });
}

CpuCost sum_of_costs(const std::vector<CpuCost>& costs) { return weighed_sum(costs, 1); }

CpuCost mean_of_costs(const std::vector<CpuCost>& costs) {
  return weighed_sum(costs, 1 / static_cast<double>(std::max<std::size_t>(costs.size(), 1)));
}

}  // namespace millrace::diagnose
