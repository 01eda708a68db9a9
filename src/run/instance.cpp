// SPDX-License-Identifier: Apache-2.0
#include "run/instance.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::run {
namespace {

// Of one worker, at one tick: it may send without end, and there are deadlines to keep.
constexpr int kMostMessages = 256;
// After as many SIGKILLs here another host, which began at about the same time, has left behind what it must.
constexpr int kKillsForOtherHosts = 4;

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
  if (others_ != nullptr && signal == SIGKILL && ++kills_ == kKillsForOtherHosts)
    others_->give_up("its workers did not end in time");
}

void Instance::leave_stuck_workers(bool whatever_state) {
  for (Member& member : members_) {
    if (member.gone || member.process.is_gone()) continue;
    const std::string place = member.process.stuck_in();
    const bool still_there = !place.empty() && place == member.stuck_in;
    member.stuck_in = place;
    if (!still_there && !whatever_state) continue;
    const std::string what =
        place.empty() ? fmt::format("SIGKILL did not end its worker (process {}), which was left behind",
                                    member.process.id())
                      : fmt::format(
                            "its worker (process {}) waits in the kernel ({}), where SIGKILL does not end "
                            "it, and was left behind",
                            member.process.id(), place);
    if (outcome_.status == "ok")
      fail(what, "a driver, device or file server that does not answer: `dmesg` may tell which");
    else
      outcome_.reason += "; " + what;
    outcome_.left_behind = true;
    member.process.leave_behind();
    member.gone = true;
  }
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
        take_report(*member.report);
        break;
      case MessageKind::kFailed:
        take_report(worker_report_from_json(message->body));
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

void Instance::take_report(const WorkerReport& report) {
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

}  // namespace millrace::run
