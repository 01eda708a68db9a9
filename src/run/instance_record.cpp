// SPDX-License-Identifier: Apache-2.0
// What the workers of an Instance recorded: taken while they run, told to the other hosts, and summed up at
// the end.
#include <algorithm>
#include <cmath>

#include "run/instance.hpp"

namespace millrace::run {

void Instance::take_points(Member& member, int rank) {
  const WorkerBlock& block = shared_->state().workers[rank];
  const std::uint32_t count = std::min(block.recorders.load(std::memory_order_acquire), kMaxRecorders);
  member.points.resize(std::max<std::size_t>(member.points.size(), count));
  member.taken.resize(member.points.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const RecorderSlot& slot = block.slots[i];
    const std::uint64_t written = slot.written.load(std::memory_order_acquire);
    // Points that were overwritten before this look cost resolution, not totals: they are cumulative.
    const std::uint64_t first =
        written > kRingSlots / 2 ? std::max(member.taken[i], written - kRingSlots / 2) : member.taken[i];
    for (std::uint64_t at = first; at < written; ++at) member.points[i].push_back(slot.ring[at % kRingSlots]);
    member.taken[i] = written;
  }
}

std::vector<std::vector<stats::Slice>> Instance::slices_of(const Member& member) const {
  const auto rank = static_cast<std::size_t>(&member - members_.data());
  const WorkerBlock& block = shared_->state().workers[rank];
  std::vector<std::vector<stats::Slice>> threads;
  for (std::size_t i = 0; i < member.points.size(); ++i) {
    std::vector<stats::Slice> slices;
    SlicePoint before{block.slots[i].opened_ns, 0, 0};
    for (const SlicePoint& point : member.points[i]) {
      slices.push_back(
          {before.time_ns, point.time_ns, point.bytes - before.bytes, point.operations - before.operations});
      before = point;
    }
    threads.push_back(std::move(slices));
  }
  return threads;
}

// The rates of whole periods in which all threads of this host ran, as far as they are known.
void Instance::report_rates() {
  const SharedState& state = shared_->state();
  constexpr std::int64_t kPeriods = 200;
  const std::int64_t due = std::max(rates_sent_until_ns_, state.begin_ns) + kPeriods * state.slice_period_ns;
  if (monotonic_ns() < due) return;
  std::vector<std::vector<stats::Slice>> threads;
  for (const Member& member : members_)
    for (auto& slices : slices_of(member)) threads.push_back(std::move(slices));
  const auto window = stats::common_window(threads);
  if (!window) return;
  const std::int64_t from = std::max(rates_sent_until_ns_, window->first);
  const auto grid = stats::rates_on_grid(threads, from, window->second, state.slice_period_ns);
  if (!grid || grid->bytes_per_s.empty()) return;
  HostRates rates{from, {}, {}};
  for (std::size_t i = 0; i < grid->bytes_per_s.size(); ++i) {
    rates.bytes.push_back(static_cast<std::uint64_t>(std::llround(grid->bytes_per_s[i] * grid->period_s())));
    rates.operations.push_back(
        static_cast<std::uint64_t>(std::llround(grid->operations_per_s[i] * grid->period_s())));
  }
  rates_sent_until_ns_ = from + static_cast<std::int64_t>(rates.bytes.size()) * state.slice_period_ns;
  others_->report(rates);
}

void Instance::look_at_mean() {
  const std::int64_t now = monotonic_ns();
  const SharedState& state = shared_->state();
  const Duration elapsed{now - state.begin_ns};
  std::uint64_t bytes = 0;
  for (const Member& member : members_)
    for (const auto& points : member.points)
      if (!points.empty()) bytes += points.back().bytes;
  if (others_ != nullptr)
    for (const auto& slices : others_->recorded())
      for (const stats::Slice& slice : slices) bytes += slice.bytes;
  if (now - last_rate_ns_ >= 200'000'000) {
    rate_now_ =
        static_cast<double>(bytes - last_rate_bytes_) / (static_cast<double>(now - last_rate_ns_) * 1e-9);
    last_rate_ns_ = now;
    last_rate_bytes_ = bytes;
  }
  if (elapsed >= options_.time_limit) {
    stop("time limit");
    return;
  }
  if (options_.target <= 0 || elapsed.ns / state.slice_period_ns < static_cast<std::int64_t>(next_look_))
    return;
  std::vector<std::vector<stats::Slice>> threads;
  for (const Member& member : members_)
    for (auto& slices : slices_of(member)) threads.push_back(std::move(slices));
  if (others_ != nullptr)
    for (const auto& slices : others_->recorded())
      if (!slices.empty()) threads.push_back(slices);
  const auto window = stats::common_window(threads);
  if (!window) return;
  const auto grid = stats::rates_on_grid(threads, window->first, window->second, state.slice_period_ns);
  if (!grid) return;
  rule_.catch_up(bytes > 0 ? grid->bytes_per_s : grid->operations_per_s);
  next_look_ = std::max(next_look_ + 50, next_look_ + next_look_ / 2);
  if (rule_.is_finished(elapsed)) stop(rule_.result().reason);
}

void Instance::add_others() {
  const std::size_t own = outcome_.workers.size();
  others_->finish(outcome_);
  for (std::size_t i = own; i < outcome_.workers.size(); ++i) {
    const WorkerOutcome& worker = outcome_.workers[i];
    if (worker.begin_ns == 0) continue;
    outcome_.begin_ns =
        outcome_.begin_ns == 0 ? worker.begin_ns : std::min(outcome_.begin_ns, worker.begin_ns);
    outcome_.end_ns = std::max(outcome_.end_ns, worker.end_ns);
  }
}

InstanceOutcome Instance::finish() {
  for (std::size_t rank = 0; shared_ && rank < members_.size(); ++rank) {
    Member& member = members_[rank];
    take_points(member, static_cast<int>(rank));
    const WorkerBlock& block = shared_->state().workers[rank];
    WorkerOutcome worker;
    if (member.report) worker.report = *member.report;
    worker.begin_ns = block.begin_ns;
    worker.end_ns = block.end_ns;
    worker.slices = slices_of(member);
    worker.latency.resize(kEpochs);
    for (std::size_t i = 0; i < member.points.size(); ++i) {
      const RecorderSlot& slot = block.slots[i];
      // A worker that died left no last totals: its last slice's stand in.
      const SlicePoint none{};
      const SlicePoint& published = member.points[i].empty() ? none : member.points[i].back();
      worker.bytes += std::max(slot.last.bytes, published.bytes);
      worker.operations += std::max(slot.last.operations, published.operations);
      // The last, broken slice counts where the thread hardly had whole ones (few, long operations).
      if (member.points[i].size() < 20 && slot.last.time_ns > published.time_ns &&
          slot.last.operations > published.operations)
        worker.slices[i].push_back({member.points[i].empty() ? slot.opened_ns : published.time_ns,
                                    slot.last.time_ns, slot.last.bytes - published.bytes,
                                    slot.last.operations - published.operations});
      for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch)
        worker.latency[epoch].merge_counts(slot.latency[epoch], MILLRACE_LATENCY_BUCKETS);
    }
    if (worker.begin_ns > 0)
      outcome_.begin_ns =
          outcome_.begin_ns == 0 ? worker.begin_ns : std::min(outcome_.begin_ns, worker.begin_ns);
    outcome_.end_ns = std::max(outcome_.end_ns, worker.end_ns);
    outcome_.workers.push_back(std::move(worker));
  }
  if (others_ != nullptr) add_others();
  if (outcome_.stop_reason.empty()) outcome_.stop_reason = "completed";
  if (outcome_.status == "ok" && outcome_.stop_reason == "cancelled") outcome_.status = "cancelled";
  return std::move(outcome_);
}

}  // namespace millrace::run
