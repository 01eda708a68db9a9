// SPDX-License-Identifier: Apache-2.0
#include "run/instance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace millrace::run {
namespace {

// Of one worker, at one tick: it may send without end, and there are deadlines to keep.
constexpr int kMostMessages = 256;

std::string last_lines(const std::string& printed) {
  if (printed.empty()) return {};
  std::string text = printed.substr(printed.size() > 400 ? printed.size() - 400 : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return fmt::format("; it printed: {}", text);
}

}  // namespace

std::int64_t slice_period(Duration time_limit) {
  return std::clamp<std::int64_t>(time_limit.ns / 5'000, 1'000'000, 100'000'000);
}

Instance::Instance(const InstancePlan& plan, const LaunchOptions& options, const LaunchCallbacks& callbacks)
    : plan_(plan),
      options_(options),
      callbacks_(callbacks),
      others_(plan.others),
      rule_({.target = options.target, .max_time = options.time_limit}) {}

bool Instance::start(const std::vector<MemoryModule>& memories, const std::vector<std::vector<int>>& cpus) {
  if (others_ != nullptr) others_->start(options_);  // first, so that all hosts set up at one time
  auto shared = SharedMapping::create(static_cast<std::uint32_t>(plan_.workers.size()));
  if (!shared) {
    fail(shared.error().what, shared.error().hint);
    return false;
  }
  shared_ = std::move(*shared);
  SharedState& state = shared_->state();
  state.slice_period_ns = outcome_.slice_period_ns = slice_period(options_.time_limit);
  state.epoch_ns = outcome_.epoch_ns = std::max<std::int64_t>(options_.time_limit.ns / (kEpochs - 1), 1);
  for (std::size_t rank = 0; rank < plan_.workers.size(); ++rank) {
    WorkerSpec spec{plan_.entry.module->file,
                    plan_.entry.probe->name,
                    plan_.parameters,
                    memories,
                    plan_.workers[rank],
                    plan_.first_rank + static_cast<int>(rank),
                    plan_.ranks > 0 ? plan_.ranks : static_cast<int>(plan_.workers.size()),
                    static_cast<int>(rank),
                    plan_.hosts,
                    cpus[rank]};
    auto process = WorkerProcess::start(spec, shared_->fd());
    if (!process) {
      fail(process.error().what, process.error().hint);
      return false;
    }
    members_.push_back({std::move(*process), false, {}, false, false, {}, {}, {}});
  }
  return true;
}

void Instance::release(std::int64_t begin_ns) {
  SharedState& state = shared_->state();
  state.begin_ns = begin_ns;
  last_rate_ns_ = begin_ns;
  released_ = true;
  state.go.store(1, std::memory_order_release);
  futex_wake_all(state.go);
}

bool Instance::own_ready() const {
  return std::all_of(members_.begin(), members_.end(), [](const Member& member) { return member.ready; });
}

bool Instance::all_ready() const { return own_ready() && (others_ == nullptr || others_->all_ready()); }

bool Instance::own_gone() const {
  return std::all_of(members_.begin(), members_.end(), [](const Member& member) { return member.gone; });
}

bool Instance::all_gone() const { return own_gone() && (others_ == nullptr || others_->all_gone()); }

void Instance::append_poll(std::vector<pollfd>& waiting) const {
  for (const Member& member : members_) {
    if (member.gone) continue;
    if (!member.closed) waiting.push_back({member.process.channel_fd(), POLLIN, 0});
    waiting.push_back({member.process.output_fd(), POLLIN, 0});
  }
  if (others_ != nullptr) others_->append_poll(waiting);
}

void Instance::stop(const std::string& reason) {
  const bool given_up = reason == "failed" || reason == "cancelled";
  // Also where it had stopped in peace: whoever ends its part may wait for one that is no more.
  if (stopping_ && given_up && shared_) shared_->state().stop.store(kGivenUp, std::memory_order_release);
  if (stopping_) return;
  stopping_ = true;
  if (outcome_.stop_reason.empty()) outcome_.stop_reason = reason;
  if (shared_) make_grant_final(shared_->state());
  if (others_ != nullptr)
    others_->stop(reason, shared_ ? shared_->state().granted.load() & ~kFinalGrant : 0, outcome_);
  if (!shared_) return;
  SharedState& state = shared_->state();
  state.stop.store(given_up ? kGivenUp : kStopped, std::memory_order_release);
  // Ranks that wait for one which has already seen the stop would wait for ever.
  state.broken.store(1, std::memory_order_release);
  futex_wake_all(state.generation);
  futex_wake_all(state.go);
}

void Instance::fail(const std::string& reason, const std::string& hint) {
  if (outcome_.status == "ok") {
    outcome_.status = "failed";
    outcome_.reason = reason;
    outcome_.hint = hint;
  }
  stop("failed");
}

void Instance::end_workers(int signal) {
  for (Member& member : members_)
    if (!member.gone) member.process.send_signal(signal);
  // Other hosts end theirs in the same way, at about the same time.
  if (others_ != nullptr && signal == SIGKILL && ++kills_ == 2)
    others_->give_up("its workers did not end in time");
}

void Instance::tick() {
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    Member& member = members_[rank];
    if (member.gone) continue;
    // In this order: what a worker sent before it ended is read after its end is known.
    const bool ended = member.process.is_gone();
    member.process.drain_output();
    take_messages(member, static_cast<int>(rank), ended ? 64 * kMostMessages : kMostMessages);
    take_points(member, static_cast<int>(rank));
    if (!ended) continue;
    member.gone = true;
    if (!member.report)
      fail(fmt::format("{}: the worker {}{}", plan_.entry.probe->name, member.process.fate(),
                       last_lines(member.process.last_output())),
           member.process.was_killed()
               ? "by a person or, when memory runs out, by the kernel: `dmesg` tells of the latter"
               : fmt::format("the fault is in the module {} or a library below it",
                             plan_.entry.module->file.string()));
  }
  answer_exchange();
  if (others_ != nullptr) talk_to_others();
  const std::int64_t now = monotonic_ns();
  if (now - last_memory_look_ns_ > 100'000'000) {
    last_memory_look_ns_ = now;
    for (Member& member : members_) watch_memory(member);
  }
  if (!released_ || stopping_) return;
  if (leads())
    look_at_mean();
  else
    report_rates();
}

void Instance::talk_to_others() {
  if (own_ready() && !members_.empty()) others_->say_ready();
  if (released_ && !stopping_)
    if (const auto pace = pace_of(shared_->state())) others_->report(*pace);
  const News news = others_->hear();
  if (callbacks_.log)
    for (const auto& [level, line] : news.log) callbacks_.log(level, line);
  if (news.granted && shared_) {
    std::atomic<std::uint64_t>& granted = shared_->state().granted;
    if ((granted.load() & kFinalGrant) == 0) granted.store(*news.granted, std::memory_order_release);
  }
  if (news.barrier_passed && shared_) open_barrier(shared_->state());
  if (news.gathered) give_exchange(*news.gathered);
  if (news.failed_as) {
    if (outcome_.status == "ok") {
      outcome_.status = *news.failed_as;
      outcome_.reason = news.reason;
      outcome_.hint = news.hint;
    } else if (outcome_.status == "failed" && outcome_.reason.find(news.reason) == std::string::npos) {
      // What failed here may only follow from what happened there, told a moment later.
      outcome_.reason += "; " + news.reason;
    }
    stop("failed");
  }
  if (news.stop) {
    cut_short_ = *news.stop == "cancelled";
    stop(*news.stop);
  }
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

void Instance::take_messages(Member& member, int rank, int most) {
  for (int i = 0; i < most; ++i) {
    auto message = member.process.channel().poll_message(member.closed);
    if (!message) return;
    switch (message->kind) {
      case MessageKind::kReady:
        member.ready = true;
        break;
      case MessageKind::kResult:
        member.report = worker_report_from_json(message->body);
        take_report(member);
        break;
      case MessageKind::kLog:
        if (callbacks_.log && !message->body.empty())
          callbacks_.log(message->body[0] - '0',
                         fmt::format("{}[{}]: {}", plan_.entry.probe->name, plan_.first_rank + rank,
                                     message->body.substr(1)));
        break;
      case MessageKind::kTemporary:
        member.process.channel().send(MessageKind::kAnswer,
                                      callbacks_.temporary ? callbacks_.temporary(message->body) : "");
        break;
      case MessageKind::kExchange:
        member.exchanged = std::move(message->body);
        break;
      case MessageKind::kBarrier:
        if (others_ != nullptr) others_->arrive();
        break;
      default:
        break;
    }
  }
}

void Instance::take_report(Member& member) {
  const WorkerReport& report = *member.report;
  if (report.outcome == MILLRACE_CANCELLED || report.outcome == MILLRACE_OK) return;
  const bool unavailable = report.outcome == MILLRACE_UNAVAILABLE;
  if (outcome_.status == "ok" && unavailable) outcome_.status = "skipped";
  if (outcome_.status == "ok") outcome_.status = "failed";
  if (outcome_.reason.empty()) {
    outcome_.reason = report.what.empty() ? "it failed and does not say why" : report.what;
    outcome_.hint = report.hint;
  }
  stop("failed");
}

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

void Instance::answer_exchange() {
  if (members_.empty() || !std::all_of(members_.begin(), members_.end(),
                                       [](const Member& member) { return member.exchanged.has_value(); }))
    return;
  std::vector<std::string> all;
  for (Member& member : members_) {
    all.push_back(std::move(*member.exchanged));
    member.exchanged.reset();
  }
  if (others_ != nullptr)
    others_->gather(std::move(all));
  else
    give_exchange(all);
}

void Instance::give_exchange(const std::vector<std::string>& all) {
  for (Member& to : members_)
    for (const std::string& from : all) to.process.channel().send(MessageKind::kExchange, from);
}

void Instance::watch_memory(Member& member) {
  if (member.gone || has_failed()) return;
  const auto rank = static_cast<std::size_t>(&member - members_.data());
  const std::uint64_t declared = plan_.workers[rank].memory_bytes;
  const std::uint64_t resident = member.process.resident_bytes();
  if (resident <= declared + options_.spare_memory_bytes) return;
  fail(fmt::format("{}: the worker holds {} of memory but declared {}: it leaks, and was ended",
                   plan_.entry.probe->name, to_binary({resident}), to_binary({declared})),
       fmt::format("the fault is in the module {}", plan_.entry.module->file.string()));
  member.process.send_signal(SIGKILL);
}

std::string Instance::silent_for() const {
  std::int64_t latest = 0;
  for (std::uint32_t rank = 0; rank < members_.size(); ++rank)
    latest = std::max(latest, shared_->state().workers[rank].progress_ns.load());
  if (latest == 0) return "it recorded nothing";
  return fmt::format("no progress for {}", to_text(Duration{monotonic_ns() - latest}));
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
