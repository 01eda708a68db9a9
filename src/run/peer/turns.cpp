// SPDX-License-Identifier: Apache-2.0
#include "run/peer/turns.hpp"

#include <fmt/format.h>

namespace millrace::run::peer {

void Turn::start(const LaunchOptions& options) {
  told_ = false;
  not_started_.reset();
  if (auto taken = turns_.take(*this); !taken)
    not_started_ = taken.error();
  else
    turns_.hub_.start(options);
}

void Turn::append_poll(std::vector<pollfd>& waiting) const {
  if (!not_started_) turns_.hub_.append_poll(waiting);
}

News Turn::hear() {
  if (!not_started_) return turns_.hub_.hear();
  News news;
  if (std::exchange(told_, true)) return news;
  news.failed_as = not_started_->exit == Exit::kInterrupted ? "cancelled" : "failed";
  news.reason = not_started_->what;
  news.hint = not_started_->hint;
  return news;
}

bool Turn::all_ready() const { return !not_started_ && turns_.hub_.all_ready(); }
std::int64_t Turn::agree_on_begin() { return not_started_ ? 0 : turns_.hub_.agree_on_begin(); }
void Turn::gather(std::vector<std::string> bytes) {
  if (!not_started_) turns_.hub_.gather(std::move(bytes));
}
void Turn::arrive() {
  if (!not_started_) turns_.hub_.arrive();
}
void Turn::report(const Pace& pace) {
  if (!not_started_) turns_.hub_.report(pace);
}
void Turn::report(const HostRates& rates) {
  if (!not_started_) turns_.hub_.report(rates);
}
const std::vector<std::vector<stats::Slice>>& Turn::recorded() const { return turns_.hub_.recorded(); }
void Turn::stop(const std::string& reason, std::uint64_t granted, const InstanceOutcome& outcome) {
  if (!not_started_) turns_.hub_.stop(reason, granted, outcome);
}
bool Turn::all_gone() const { return not_started_ || turns_.hub_.all_gone(); }
void Turn::give_up(const std::string& reason) {
  if (!not_started_) turns_.hub_.give_up(reason);
}
void Turn::finish(InstanceOutcome& outcome) {
  if (!not_started_) return turns_.hub_.finish(outcome);
  // As of a peer that was lost: no figures, but its ranks are counted.
  for (const int ranks : their_ranks_)
    outcome.workers.resize(outcome.workers.size() + static_cast<std::size_t>(ranks));
}

Result<InstancePlan> Turns::plan(const ProbeEntry& entry,
                                 const std::vector<std::pair<std::string, std::string>>& given,
                                 const topology::Machine& machine, Duration answer_time) {
  held_ = nullptr;
  hub_.drop_answers();
  auto plan = plan_with(hub_, entry, given, machine, answer_time);
  if (!plan) return plan;
  Turn& turn = turns_.emplace_back(*this, PlanWanted{entry.probe->name, given, answer_time});
  turn.own_ranks_ = static_cast<int>(plan->workers.size());
  turn.their_ranks_.resize(hub_.sessions().size());
  for (const RemoteWorker& worker : plan->elsewhere)
    ++turn.their_ranks_[static_cast<std::size_t>(worker.host) - 1];
  held_ = &turn;
  plan->others = &turn;
  return plan;
}

Result<void> Turns::take(Turn& turn) {
  if (held_ == &turn) return {};
  held_ = nullptr;
  hub_.drop_answers();
  auto answers = ask_peers(hub_, turn.wanted_);
  if (!answers) return tl::unexpected(answers.error());
  for (std::size_t i = 0; i < answers->size(); ++i) {
    const PlanAnswer& answer = (*answers)[i];
    if (answer.status != "ok") return failure(answer.reason, answer.hint, Exit::kInconclusive);
    if (static_cast<int>(answer.workers.size()) != turn.their_ranks_[i])
      return failure(fmt::format("on {}: {} wants {} workers now, {} before", hub_.sessions()[i]->name(),
                                 turn.wanted_.probe, answer.workers.size(), turn.their_ranks_[i]),
                     "what the probe measures there was changed meanwhile: start the run again",
                     Exit::kInconclusive);
  }
  hub_.set_ranks(turn.own_ranks_, turn.their_ranks_);
  held_ = &turn;
  return {};
}

}  // namespace millrace::run::peer
