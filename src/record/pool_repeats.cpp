// SPDX-License-Identifier: Apache-2.0
#include "record/pool_repeats.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "stats/latency_histogram.hpp"
#include "stats/summary.hpp"

namespace millrace::record {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();  // null in a document

Estimate over_repeats(const std::vector<Repeat>& repeats, double Repeat::*rate) {
  std::vector<double> rates;
  for (const Repeat& repeat : repeats) rates.push_back(repeat.*rate);
  Estimate estimate;
  if (const auto interval = stats::mean_interval(rates)) {
    estimate.mean = interval->estimate;
    estimate.ci95_low = std::max(interval->low, 0.0);
    estimate.ci95_high = interval->high;
  }
  return estimate;
}

void add_latency(const Measurement& m, stats::LatencyHistogram& all) {
  if (!m.latency_histogram) return;
  std::optional<stats::LatencyExtremes> extremes;
  if (const auto merged = stats::LatencyHistogram::from_sparse(m.latency_histogram->buckets, extremes))
    all.merge(*merged);
}

void pool_latency(const Measurement& earlier, const Measurement& later, Measurement& whole) {
  stats::LatencyHistogram all;
  add_latency(earlier, all);
  add_latency(later, all);
  if (all.count() == 0) return;
  Latency latency;
  latency.p50 = all.resolved_quantile(0.5);
  latency.p90 = all.resolved_quantile(0.9);
  latency.p99 = all.resolved_quantile(0.99);
  latency.p999 = all.resolved_quantile(0.999);
  latency.max = all.max();
  // The exact ones, where both have them: buckets know the greatest to 0.8 % only.
  if (earlier.latency_s && later.latency_s && earlier.latency_s->max && later.latency_s->max)
    latency.max = std::max(*earlier.latency_s->max, *later.latency_s->max);
  latency.resolved_to = all.resolved_to_text();
  latency.count = all.count();
  whole.latency_s = latency;
  whole.latency_histogram = LatencyHistogram{};
  whole.latency_histogram->buckets = all.sparse();
}

double weighed(double a, double weight_a, double b, double weight_b) {
  return (a * weight_a + b * weight_b) / (weight_a + weight_b);
}

// Shares are means over repeats, seconds and bytes are sums.
void pool_stages(const Measurement& earlier, double done, double fresh, Measurement& whole) {
  for (Stage& stage : whole.stages) {
    const auto found = std::find_if(earlier.stages.begin(), earlier.stages.end(),
                                    [&](const Stage& other) { return other.name == stage.name; });
    if (found == earlier.stages.end()) continue;
    stage.busy_share = weighed(found->busy_share, done, stage.busy_share, fresh);
    stage.blocked_on_input_share =
        weighed(found->blocked_on_input_share, done, stage.blocked_on_input_share, fresh);
    stage.blocked_on_output_share =
        weighed(found->blocked_on_output_share, done, stage.blocked_on_output_share, fresh);
    stage.cpu_s += found->cpu_s;
    stage.bytes += found->bytes;
    if (stage.output_queue_fill && found->output_queue_fill)
      stage.output_queue_fill = weighed(*found->output_queue_fill, done, *stage.output_queue_fill, fresh);
  }
}

void pool_metrics(const Measurement& earlier, Measurement& whole) {
  for (const auto& [name, before] : earlier.metrics) {
    auto [at, fresh] = whole.metrics.try_emplace(name, before);
    if (fresh || before.count == 0) continue;
    MetricSummary& metric = at->second;
    const auto old_count = static_cast<double>(before.count), count = static_cast<double>(metric.count);
    metric.mean = weighed(before.mean, old_count, metric.mean, count);
    metric.min = std::min(metric.min, before.min);
    metric.max = std::max(metric.max, before.max);
    metric.count += before.count;
    // Where every value was the same, so is every percentile.
    metric.p5 = metric.p50 = metric.p95 = metric.min == metric.max ? metric.min : kUnknown;
  }
}

void pool_counters(const Measurement& earlier, Measurement& whole) {
  for (const auto& [name, value] : earlier.counters) {
    double& total = whole.counters[name];
    total = name.ends_with("worker:peak_memory_bytes") ? std::max(total, value) : total + value;
  }
}

}  // namespace

Measurement pool_repeats(const Measurement& earlier, const Measurement& later) {
  Measurement whole = later;
  whole.repeats = earlier.repeats;
  whole.repeats.insert(whole.repeats.end(), later.repeats.begin(), later.repeats.end());
  if (later.repeats.empty()) {
    whole.throughput_bytes_per_s = earlier.throughput_bytes_per_s;
    whole.operations_per_s = earlier.operations_per_s;
    if (!whole.slices) whole.slices = earlier.slices;
    if (whole.stages.empty()) whole.stages = earlier.stages;
  } else {
    whole.throughput_bytes_per_s = over_repeats(whole.repeats, &Repeat::throughput_bytes_per_s);
    whole.operations_per_s = over_repeats(whole.repeats, &Repeat::operations_per_s);
    pool_stages(earlier, static_cast<double>(earlier.repeats.size()),
                static_cast<double>(later.repeats.size()), whole);
  }
  pool_latency(earlier, later, whole);
  pool_metrics(earlier, whole);
  pool_counters(earlier, whole);
  for (const std::string& flag : earlier.flags)
    if (std::find(whole.flags.begin(), whole.flags.end(), flag) == whole.flags.end())
      whole.flags.push_back(flag);
  if (earlier.verified) whole.verified = *earlier.verified && whole.verified.value_or(true);
  if (whole.energy_j && earlier.energy_j)
    *whole.energy_j += *earlier.energy_j;
  else
    whole.energy_j.reset();
  whole.duration_s += earlier.duration_s;
  if (whole.limit_bytes_per_s)
    whole.limit_fraction = whole.throughput_bytes_per_s.mean / *whole.limit_bytes_per_s;
  return whole;
}

}  // namespace millrace::record
