// SPDX-License-Identifier: Apache-2.0
#include "run/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "run/flags.hpp"
#include "run/gpu_record.hpp"
#include "run/repeat_counters.hpp"
#include "stats/batch_means.hpp"
#include "stats/latency_histogram.hpp"
#include "stats/steadiness.hpp"
#include "stats/stopping_rule.hpp"
#include "stats/summary.hpp"

namespace millrace::run {
namespace {

// One repeat after the warm-up cut.
struct Settled {
  record::Repeat repeat;
  std::vector<double> bytes_per_s, operations_per_s;  // per slice, after the cut
  std::optional<stats::MeanEstimate> bytes, operations;
  stats::GridSeries grid;  // with the warm-up
  bool unsteady = false;
  std::string fault;  // what cannot be; empty: nothing
};

std::vector<std::vector<stats::Slice>> all_threads(const InstanceOutcome& outcome) {
  std::vector<std::vector<stats::Slice>> threads;
  for (const WorkerOutcome& worker : outcome.workers)
    for (const auto& slices : worker.slices)
      if (!slices.empty()) threads.push_back(slices);
  return threads;
}

std::string find_fault(const InstanceOutcome& outcome,
                       const std::vector<std::vector<stats::Slice>>& threads) {
  std::uint64_t operations = 0;
  for (const WorkerOutcome& worker : outcome.workers) operations += worker.operations;
  if (operations == 0)
    return fmt::format("it recorded no operation in {}",
                       to_text(Duration{outcome.end_ns - outcome.begin_ns}));
  for (const auto& slices : threads)
    for (const stats::Slice& slice : slices) {
      if (slice.end_ns < slice.begin_ns) return "its time stamps run backwards";
      if (slice.end_ns > outcome.end_ns + 1'000'000'000) return "its time stamps lie in the future";
      // A slice lasts about a millisecond: no machine moves a pebibyte in it.
      if (slice.bytes > (1ULL << 50) || slice.operations > (1ULL << 50))
        return "its totals shrink or are beyond all reason";
    }
  return {};
}

// For a run of so few slices that there is no series to speak of: totals over the whole of it.
void settle_by_totals(const InstanceOutcome& outcome, Settled& settled) {
  const double seconds = static_cast<double>(outcome.end_ns - outcome.begin_ns) * 1e-9;
  if (seconds <= 0) return;
  double bytes = 0;
  double operations = 0;
  for (const WorkerOutcome& worker : outcome.workers) {
    bytes += static_cast<double>(worker.bytes);
    operations += static_cast<double>(worker.operations);
  }
  settled.repeat.throughput_bytes_per_s = bytes / seconds;
  settled.repeat.operations_per_s = operations / seconds;
}

Settled settle(const RepeatOutcome& repeat) {
  const InstanceOutcome& outcome = repeat.outcome;
  Settled settled;
  settled.repeat = {0, 0, outcome.begin_ns, outcome.end_ns, outcome.stop_reason};
  const auto threads = all_threads(outcome);
  settled.fault = find_fault(outcome, threads);
  settle_by_totals(outcome, settled);
  auto window = stats::common_window(threads);
  if (window && repeat.window_ns)
    window = {std::max(window->first, repeat.window_ns->first),
              std::min(window->second, repeat.window_ns->second)};
  if (window && outcome.clock_error_ns > 0)
    window = {window->first + outcome.clock_error_ns,
              std::max(window->first + outcome.clock_error_ns, window->second - outcome.clock_error_ns)};
  if (!settled.fault.empty() || !window) return settled;
  auto grid = stats::rates_on_grid(threads, window->first, window->second, outcome.slice_period_ns);
  if (!grid || grid->bytes_per_s.size() < 40) return settled;
  const bool counts_bytes =
      std::any_of(grid->bytes_per_s.begin(), grid->bytes_per_s.end(), [](double b) { return b > 0; });
  const auto& judged = counts_bytes ? grid->bytes_per_s : grid->operations_per_s;
  const stats::WarmUp warm_up = stats::find_warm_up(judged);
  settled.unsteady = !stats::judge_steadiness(judged, warm_up).is_steady();
  const auto cut = static_cast<std::ptrdiff_t>(warm_up.cut);
  settled.bytes_per_s.assign(grid->bytes_per_s.begin() + cut, grid->bytes_per_s.end());
  settled.operations_per_s.assign(grid->operations_per_s.begin() + cut, grid->operations_per_s.end());
  settled.bytes = stats::mean_by_batches(settled.bytes_per_s);
  settled.operations = stats::mean_by_batches(settled.operations_per_s);
  if (settled.bytes && settled.operations) {
    settled.repeat.throughput_bytes_per_s = settled.bytes->mean;
    settled.repeat.operations_per_s = settled.operations->mean;
    settled.repeat.begin_ns = grid->begin_ns + cut * grid->period_ns;
    settled.repeat.end_ns = window->second;
    settled.repeat.warm_up_cut_s = static_cast<double>(cut) * grid->period_s();
  }
  settled.grid = std::move(*grid);
  return settled;
}

record::Estimate estimate(const std::vector<double>& means, const std::vector<double>& slices,
                          const std::optional<stats::MeanEstimate>& within) {
  record::Estimate result;
  if (means.empty()) return result;
  result.mean = means.front();
  if (const auto over = stats::mean_interval(means)) {
    result = {over->estimate, over->low, over->high, {}, {}, {}};
  } else if (within) {
    result = {within->mean, within->ci_low, within->ci_high, {}, {}, {}};
  }
  // A rate is not negative, whatever the normal distribution says.
  if (result.ci95_low) result.ci95_low = std::max(*result.ci95_low, 0.0);
  if (const auto summary = stats::summarize(slices)) {
    result.p5 = summary->p5;
    result.p50 = summary->p50;
    result.p95 = summary->p95;
  }
  return result;
}

// Epochs that began after the cut; all of them when nothing would remain.
void merge_latency(const InstanceOutcome& outcome, std::int64_t cut_ns, stats::LatencyHistogram& all) {
  stats::LatencyHistogram after;
  stats::LatencyHistogram whole;
  for (const WorkerOutcome& worker : outcome.workers)
    for (std::size_t epoch = 0; epoch < worker.latency.size(); ++epoch) {
      whole.merge(worker.latency[epoch]);
      if (worker.begin_ns + static_cast<std::int64_t>(epoch) * outcome.epoch_ns >=
          cut_ns - outcome.epoch_ns / 16)
        after.merge(worker.latency[epoch]);
    }
  all.merge(after.count() > 0 ? after : whole);
}

void set_latency(const stats::LatencyHistogram& histogram, record::Measurement& m) {
  if (histogram.count() == 0) return;
  record::Latency latency;
  latency.p50 = histogram.resolved_quantile(0.5);
  latency.p90 = histogram.resolved_quantile(0.9);
  latency.p99 = histogram.resolved_quantile(0.99);
  latency.p999 = histogram.resolved_quantile(0.999);
  latency.max = histogram.max();
  latency.resolved_to = histogram.resolved_to_text();
  latency.count = histogram.count();
  m.latency_s = latency;
  record::LatencyHistogram sparse;
  sparse.buckets = histogram.sparse();
  m.latency_histogram = std::move(sparse);
}

void set_slices(const stats::GridSeries& grid, record::Measurement& m) {
  if (grid.bytes_per_s.empty()) return;
  record::Slices slices;
  slices.period_s = grid.period_s();
  for (std::size_t i = 0; i < grid.bytes_per_s.size(); ++i) {
    slices.bytes.push_back(static_cast<std::uint64_t>(std::llround(grid.bytes_per_s[i] * slices.period_s)));
    slices.operations.push_back(
        static_cast<std::uint64_t>(std::llround(grid.operations_per_s[i] * slices.period_s)));
  }
  m.slices = std::move(slices);
}

void set_stages(std::span<const RepeatOutcome> repeats, record::Measurement& m) {
  std::map<std::string, std::pair<record::Stage, int>> merged;  // with how many were merged
  std::vector<std::string> order;
  const std::size_t last = repeats.size() - 1;
  for (std::size_t r = 0; r < repeats.size(); ++r)
    for (const WorkerOutcome& worker : repeats[r].outcome.workers)
      for (const record::Stage& stage : worker.report.stages) {
        auto [at, fresh] = merged.try_emplace(stage.name, record::Stage{}, 0);
        record::Stage& into = at->second.first;
        if (fresh) {
          order.push_back(stage.name);
          into.name = stage.name;
          into.resource = stage.resource;
        }
        ++at->second.second;
        if (r == last) into.threads += stage.threads;
        into.busy_share += stage.busy_share;
        into.blocked_on_input_share += stage.blocked_on_input_share;
        into.blocked_on_output_share += stage.blocked_on_output_share;
        into.cpu_s += stage.cpu_s;
        into.bytes += stage.bytes;
        if (stage.output_queue_fill)
          into.output_queue_fill = into.output_queue_fill.value_or(0) + *stage.output_queue_fill;
      }
  for (const std::string& name : order) {
    auto& [stage, count] = merged[name];
    stage.busy_share /= count;
    stage.blocked_on_input_share /= count;
    stage.blocked_on_output_share /= count;
    if (stage.output_queue_fill) *stage.output_queue_fill /= count;
    m.stages.push_back(stage);
  }
}

// What a collective's probe says of its bandwidths, a value a batch, is of the record itself, no metric.
constexpr const char* kAlgorithmRate = "algorithm_bytes_per_s";
constexpr const char* kBusRate = "bus_bytes_per_s";

std::optional<record::Estimate> estimate_of_samples(std::span<const RepeatOutcome> repeats,
                                                    const std::string& name) {
  std::vector<double> means;
  std::vector<double> all;
  std::optional<stats::MeanEstimate> within;
  for (const RepeatOutcome& repeat : repeats) {
    std::vector<double> values;
    for (const WorkerOutcome& worker : repeat.outcome.workers)
      if (const auto found = worker.report.samples.find(name); found != worker.report.samples.end())
        values.insert(values.end(), found->second.begin(), found->second.end());
    const auto summary = stats::summarize(values);
    if (!summary) continue;
    means.push_back(summary->mean);
    within = stats::mean_by_batches(values);
    all.insert(all.end(), values.begin(), values.end());
  }
  if (means.empty()) return std::nullopt;
  return estimate(means, all, within);
}

void set_collective_rates(std::span<const RepeatOutcome> repeats, record::Measurement& m) {
  m.algorithm_bytes_per_s = estimate_of_samples(repeats, kAlgorithmRate);
  m.bus_bytes_per_s = estimate_of_samples(repeats, kBusRate);
}

void set_metrics(std::span<const RepeatOutcome> repeats, record::Measurement& m) {
  std::map<std::string, std::vector<double>> samples;
  for (const RepeatOutcome& repeat : repeats)
    for (const WorkerOutcome& worker : repeat.outcome.workers)
      for (const auto& [name, values] : worker.report.samples)
        samples[name].insert(samples[name].end(), values.begin(), values.end());
  for (const auto& [name, values] : samples) {
    if (name == kAlgorithmRate || name == kBusRate) continue;
    if (const auto s = stats::summarize(values))
      m.metrics[name] = {s->count, s->mean, s->min, s->p5, s->p50, s->p95, s->max};
  }
}

// Which host a rank is on; this one's come first.
int host_of(const InstancePlan& plan, std::size_t rank) {
  return rank < plan.workers.size() ? 0 : plan.elsewhere[rank - plan.workers.size()].host;
}

const WorkerPlan& worker_of(const InstancePlan& plan, std::size_t rank) {
  return rank < plan.workers.size() ? plan.workers[rank] : plan.elsewhere[rank - plan.workers.size()].plan;
}

// Those of other hosts by names of their own: "host1/worker:user_s".
void set_counters(const InstancePlan& plan, std::span<const RepeatOutcome> repeats, record::Measurement& m) {
  for (const RepeatOutcome& repeat : repeats) {
    for (const auto& [name, value] : repeat.system_counters) m.counters[name] += value;
    for (const auto& [name, value] : repeat.outcome.counters) m.counters[name] += value;
    for (std::size_t rank = 0; rank < repeat.outcome.workers.size(); ++rank) {
      const WorkerOutcome& worker = repeat.outcome.workers[rank];
      const int host = host_of(plan, rank);
      const std::string prefix = host == 0 ? "" : fmt::format("host{}/", host);
      m.counters[prefix + "worker:bytes"] += static_cast<double>(worker.bytes);
      m.counters[prefix + "worker:operations"] += static_cast<double>(worker.operations);
      for (const auto& [name, value] : worker.report.counters) {
        double& total = m.counters[prefix + name];
        total = name == "worker:peak_memory_bytes" ? std::max(total, value) : total + value;
      }
      for (const std::string& flag : worker.report.flags) add_flag(m, flag);
      if (worker.report.verified >= 0) m.verified = m.verified.value_or(true) && worker.report.verified == 1;
      if (worker.report.on_gpu && m.device != "stand-in") m.device = "gpu";
      if (worker.report.stand_in) m.device = "stand-in";
    }
  }
}

// What workers say that parameters came to, each different answer once, in order of rank.
void add_resolved_parameters(const InstancePlan& plan, std::span<const RepeatOutcome> repeats,
                             record::Measurement& m) {
  std::map<std::string, std::vector<std::string>> said;
  for (const RepeatOutcome& repeat : repeats)
    for (const WorkerOutcome& worker : repeat.outcome.workers)
      for (const auto& [name, text] : worker.report.resolved)
        if (auto& texts = said[name]; std::find(texts.begin(), texts.end(), text) == texts.end())
          texts.push_back(text);
  for (const auto& [name, texts] : said) add_resolved(*plan.entry.probe, name, texts, m.parameters);
}

void set_participants(const InstancePlan& plan, const RepeatOutcome& last, record::Measurement& m) {
  for (std::size_t rank = 0; rank < last.outcome.workers.size(); ++rank) {
    const WorkerOutcome& worker = last.outcome.workers[rank];
    const double seconds = static_cast<double>(worker.end_ns - worker.begin_ns) * 1e-9;
    m.participants.push_back(
        {static_cast<int>(rank), host_of(plan, rank), worker_of(plan, rank).role,
         seconds > 0 ? static_cast<double>(worker.bytes) / seconds : 0,
         std::max(0.0, static_cast<double>(worker.begin_ns - last.outcome.begin_ns) * 1e-9)});
  }
}

bool is_network(const topology::Topology& graph, const std::string& id) {
  const topology::Endpoint* endpoint = topology::find_endpoint(graph, id);
  return endpoint != nullptr && (endpoint->kind == "nic" || endpoint->kind == "rdma");
}

// Over a network, each byte crosses the host that asked and one of its peers: of the bytes, a worker there
// moves one part in all workers of its host, and here in all workers of all peers. Otherwise the workers
// share the bytes among them.
double share_of(const InstancePlan& plan, std::size_t rank, bool network) {
  const std::size_t own = plan.workers.size();
  const std::size_t all = own + plan.elsewhere.size();
  if (!network || plan.elsewhere.empty()) return 1.0 / static_cast<double>(all);
  return 1.0 / static_cast<double>(rank < own ? own : all - own);
}

// From where to where bytes go, over all hosts: the ends that are no network.
void set_ends(const InstancePlan& plan, const topology::Topology& graph, record::Measurement& m) {
  const WorkerPlan& first = plan.workers.front();
  m.from = first.from;
  m.to = first.to;
  if (plan.elsewhere.empty()) return;
  const WorkerPlan& other = plan.elsewhere.front().plan;
  if (is_network(graph, first.from)) m.from = other.from;
  if (is_network(graph, first.to)) m.to = other.to;
}

// The path is the union of the workers' paths, each resource with the share of the bytes that cross it; a
// figure above its limit discredits the limit, not the figure.
void set_path(const InstancePlan& plan, const topology::Machine& machine, record::Measurement& m) {
  if (plan.workers.empty()) return;
  set_ends(plan, machine.graph, m);
  const std::size_t ranks = plan.workers.size() + plan.elsewhere.size();
  bool network = false;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    network = network || is_network(machine.graph, worker_of(plan, rank).from) ||
              is_network(machine.graph, worker_of(plan, rank).to);
  std::vector<topology::Hop> path;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const WorkerPlan& worker = worker_of(plan, rank);
    const double share = share_of(plan, rank, network);
    for (const topology::Hop& hop : topology::path_between(machine.graph, worker.from, worker.to)) {
      const auto found = std::find_if(path.begin(), path.end(),
                                      [&](const topology::Hop& h) { return h.resource == hop.resource; });
      if (found == path.end())
        path.push_back({hop.resource, hop.units_per_byte * share});
      else
        found->units_per_byte += hop.units_per_byte * share;
    }
  }
  for (const topology::Hop& hop : path) m.path.push_back({hop.resource, hop.units_per_byte});
  const topology::PathLimit limit = topology::limit_of(machine.graph, path);
  m.limit_source = limit.source;
  if (!limit.bytes_per_s) return;
  if (m.throughput_bytes_per_s.ci95_low.value_or(m.throughput_bytes_per_s.mean) > *limit.bytes_per_s) {
    add_flag(m, "limit-discredited");
    m.limit_source = fmt::format("dropped: {} is below what was measured ({})",
                                 to_text(BytesPerSecond{*limit.bytes_per_s}), limit.source);
    return;
  }
  m.limit_bytes_per_s = limit.bytes_per_s;
  m.limit_fraction = m.throughput_bytes_per_s.mean / *limit.bytes_per_s;
}

void set_failure(std::span<const RepeatOutcome> repeats, record::Measurement& m) {
  for (std::size_t r = 0; r < repeats.size(); ++r) {
    const InstanceOutcome& outcome = repeats[r].outcome;
    if (outcome.status == "ok" || m.status != "ok") continue;
    m.status = outcome.status == "skipped" ? "skipped" : "failed";
    m.reason = repeats.size() > 1 ? fmt::format("repeat {}: {}", r + 1, outcome.reason) : outcome.reason;
    if (outcome.status == "cancelled" && outcome.reason.empty()) m.reason = "interrupted";
    m.hint = outcome.hint;
  }
}

}  // namespace

record::Measurement assemble(const std::string& id, const std::string& label, const InstancePlan& plan,
                             const topology::Machine& machine, std::span<const RepeatOutcome> repeats) {
  record::Measurement m;
  m.id = id;
  m.label = label;
  m.probe = plan.entry.probe->name;
  m.parameters = to_record(*plan.entry.probe, plan.parameters);
  if (repeats.empty()) return m;
  add_resolved_parameters(plan, repeats, m);
  set_failure(repeats, m);

  std::vector<double> bytes;
  std::vector<double> operations;
  std::vector<double> byte_slices;
  std::vector<double> operation_slices;
  std::optional<stats::MeanEstimate> bytes_within;
  std::optional<stats::MeanEstimate> operations_within;
  stats::LatencyHistogram latency;
  std::vector<GpuSummary> gpus;
  int unsteady = 0;
  for (const RepeatOutcome& repeat : repeats) {
    if (repeat.outcome.end_ns <= repeat.outcome.begin_ns) continue;  // it never ran
    Settled settled = settle(repeat);
    if (!settled.fault.empty() && m.status == "ok") {
      m.status = "failed";
      m.reason = settled.fault;
      m.hint = fmt::format("the fault is in the module {}", plan.entry.module->file.string());
    }
    if (!settled.fault.empty()) continue;
    m.duration_s += static_cast<double>(repeat.outcome.end_ns - repeat.outcome.begin_ns) * 1e-9;
    bytes.push_back(settled.repeat.throughput_bytes_per_s);
    operations.push_back(settled.repeat.operations_per_s);
    byte_slices.insert(byte_slices.end(), settled.bytes_per_s.begin(), settled.bytes_per_s.end());
    operation_slices.insert(operation_slices.end(), settled.operations_per_s.begin(),
                            settled.operations_per_s.end());
    bytes_within = settled.bytes;
    operations_within = settled.operations;
    unsteady += settled.unsteady ? 1 : 0;
    merge_latency(repeat.outcome, settled.repeat.begin_ns, latency);
    set_slices(settled.grid, m);
    gpus.push_back(summarize_gpus(repeat.gpus, machine.host, repeat.outcome.begin_ns, repeat.outcome.end_ns));
    settled.repeat.flags = gpus.back().flags;
    settled.repeat.counters = counters_of_repeat(plan, repeat.outcome);
    m.repeats.push_back(settled.repeat);
  }
  m.throughput_bytes_per_s = estimate(bytes, byte_slices, bytes_within);
  m.operations_per_s = estimate(operations, operation_slices, operations_within);
  set_latency(latency, m);
  // Half of the repeats or more: a single one of several may have met a passing disturbance.
  if (unsteady > 0 && 2 * static_cast<std::size_t>(unsteady) >= m.repeats.size()) add_flag(m, "unsteady");
  set_stages(repeats, m);
  set_metrics(repeats, m);
  set_collective_rates(repeats, m);
  set_counters(plan, repeats, m);
  record_gpus(plan, gpus, m);
  set_participants(plan, repeats.back(), m);
  set_path(plan, machine, m);
  if (m.verified == false && m.status == "ok") {
    m.status = "failed";
    m.reason = "the data that arrived are not the data that were sent";
    m.hint = "do not trust this path until it is found why";
  }
  return m;
}

}  // namespace millrace::run
