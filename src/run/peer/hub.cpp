// SPDX-License-Identifier: Apache-2.0
#include "run/peer/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "run/launch.hpp"
#include "run/peer/grant.hpp"
#include "run/peer/wire.hpp"
#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

constexpr std::int64_t kPingEvery_ns = 1'000'000'000;
constexpr std::int64_t kBurstTime_ns = 500'000'000;
constexpr int kBurst = 20;
constexpr std::int64_t kStartLead_ns = 2'000'000;  // all workers are awake by then
constexpr std::uint64_t kHorizon_ns = 50'000'000;  // of grants, beyond the ways there and back
constexpr std::size_t kMostSlices = 1 << 20;

}  // namespace

Hub::Hub(std::vector<Session> sessions, std::vector<std::string> allowed) : allowed_(std::move(allowed)) {
  for (Session& session : sessions) {
    peers_.emplace_back(Peer{std::move(session), 0, {}, false, false, false, {}, {}, {}, {}, {}, {}, 0});
  }
}

Hub::~Hub() {
  for (Peer& peer : peers_) {
    peer.session.connection().send(Kind::kBye);
    peer.session.connection().flush(1'000'000'000);
  }
}

std::vector<Session*> Hub::sessions() {
  std::vector<Session*> sessions;
  for (Peer& peer : peers_) sessions.push_back(&peer.session);
  return sessions;
}

void Hub::set_ranks(int own, const std::vector<int>& theirs) {
  own_ranks_ = own;
  for (std::size_t i = 0; i < peers_.size(); ++i) peers_[i].ranks = theirs[i];
}

void Hub::start(const LaunchOptions& options) {
  gathered_.reset();
  pace_.reset();
  launched_ = true;
  arrived_ = stopped_ = false;
  granted_ = 0;
  kept_ = {};
  horizon_ns_ = kHorizon_ns;
  period_ns_ = slice_period(options.time_limit);
  recorded_.clear();
  int ranks = own_ranks_;
  for (const Peer& peer : peers_) ranks += peer.ranks;
  int first = own_ranks_;
  for (Peer& peer : peers_) {
    peer.ready = peer.arrived = peer.told_lost = false;
    peer.gathered.reset();
    peer.pace.reset();
    peer.began.reset();
    peer.ended.reset();
    peer.outcome.reset();
    peer.session.connection().set_heard(monotonic_ns());
    peer.session.connection().send(Kind::kLaunch, encode(LaunchRequest{first, ranks, options}));
    first += peer.ranks;
  }
}

void Hub::append_poll(std::vector<pollfd>& waiting) const {
  for (const Peer& peer : peers_)
    if (const Connection& connection = peer.session.connection(); connection.lost().empty())
      waiting.push_back({connection.fd(), connection.poll_events(), 0});
}

void Hub::fail(News& news, const std::string& status, const std::string& reason,
               const std::string& hint) const {
  if (news.failed_as) return;
  news.failed_as = status;
  news.reason = reason;
  news.hint = hint;
}

News Hub::hear() {
  News news = std::exchange(kept_, {});
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    Peer& peer = peers_[i];
    keep_alive(peer);
    while (const auto message = peer.session.connection().receive()) take(i, *message, news);
    if (peer.is_gone() && !peer.outcome && !std::exchange(peer.told_lost, true))
      fail(news, "failed", peer.session.loss(),
           "did `millrace peer`, its host or the network between end? its terminal may say why");
  }
  complete(news);
  return news;
}

void Hub::keep_alive(Peer& peer) {
  Connection& connection = peer.session.connection();
  if (peer.is_gone()) return;
  const std::int64_t now = monotonic_ns();
  if (now - connection.heard_ns() > kSilence_ns)
    connection.lose(fmt::format("nothing came from it for {}", to_text(Duration{kSilence_ns})));
  ping(peer, now);
}

void Hub::ping(Peer& peer, std::int64_t now_ns) {
  if (now_ns - peer.ping_sent_ns < kPingEvery_ns) return;
  peer.ping_sent_ns = now_ns;
  peer.session.connection().send(Kind::kPing, encode(now_ns));
}

void Hub::keep_alive() {
  if (launched_) return;
  const std::int64_t now = monotonic_ns();
  for (Peer& peer : peers_) {
    if (now - peer.ping_sent_ns < kPingEvery_ns) continue;
    while (peer.session.connection().receive()) {
    }
    ping(peer, now);
  }
}

void Hub::drop_answers() {
  for (Peer& peer : peers_)
    while (peer.session.connection().receive()) {
    }
}

void Hub::take(std::size_t index, const Sealed& message, News& news) {
  Peer& peer = peers_[index];
  const auto unreadable = [&] { peer.session.connection().lose("it sends what cannot be read"); };
  const std::string at = fmt::format("on {}: ", peer.session.name());
  switch (message.kind) {
    case Kind::kReady:
      peer.ready = true;
      return;
    case Kind::kFailed:
      if (const auto failed = decode_failure(message.body))
        return fail(news, failed->status == "skipped" ? "skipped" : "failed", at + failed->reason,
                    failed->hint);
      return unreadable();
    case Kind::kExchange:
      peer.gathered = decode_gathered(message.body, static_cast<std::size_t>(peer.ranks));
      return peer.gathered ? void() : unreadable();
    case Kind::kBarrier:
      peer.arrived = true;
      return;
    case Kind::kPace:
      peer.pace = decode_pace(message.body);
      return peer.pace ? void() : unreadable();
    case Kind::kPong:
      if (const auto pong = decode_pong(message.body)) {
        if (pong->first == peer.ping_sent_ns) peer.burst.add(pong->first, pong->second, monotonic_ns());
        return;
      }
      return unreadable();
    case Kind::kRates:
      if (const auto rates = decode_rates(message.body)) return add_rates(index, *rates);
      return unreadable();
    case Kind::kLog:
      if (!message.body.empty())
        news.log.emplace_back(std::clamp(message.body[0] - '0', 0, 9),
                              at + printable(message.body.substr(1)));
      return;
    case Kind::kOutcome:
      if (auto outcome = decode_outcome(message.body);
          outcome && outcome->workers.size() <= static_cast<std::size_t>(peer.ranks)) {
        // It ended before it could say so in any other way.
        if (outcome->status == "failed" || outcome->status == "skipped")
          fail(news, outcome->status, at + outcome->reason, outcome->hint);
        peer.outcome = std::move(*outcome);
        return;
      }
      return unreadable();
    default:
      return unreadable();
  }
}

// Answers what all hosts have come to.
void Hub::complete(News& news) {
  const auto everybody = [&](auto has) {
    return std::all_of(peers_.begin(), peers_.end(),
                       [&](const Peer& peer) { return !peer.is_gone() && has(peer); });
  };
  if (gathered_ && everybody([](const Peer& peer) { return peer.gathered.has_value(); })) {
    std::vector<std::string> all = std::exchange(gathered_, std::nullopt).value();
    for (Peer& peer : peers_) {
      const auto theirs = std::exchange(peer.gathered, std::nullopt).value();
      all.insert(all.end(), theirs.begin(), theirs.end());
    }
    const std::string body = encode(all);
    for (Peer& peer : peers_) peer.session.connection().send(Kind::kExchange, body);
    news.gathered = std::move(all);
  }
  if (arrived_ && everybody([](const Peer& peer) { return peer.arrived; })) {
    arrived_ = false;
    for (Peer& peer : peers_) {
      peer.arrived = false;
      peer.session.connection().send(Kind::kBarrier);
    }
    news.barrier_passed = true;
  }
  if (!stopped_ && pace_ && everybody([](const Peer& peer) { return peer.pace.has_value(); })) {
    std::vector<Pace> paces{*pace_};
    for (const Peer& peer : peers_) paces.push_back(peer.pace.value());
    if (const std::uint64_t next = next_grant(paces, horizon_ns_); next > granted_) {
      granted_ = next;
      const std::string body = encode(static_cast<std::int64_t>(next));
      for (Peer& peer : peers_) peer.session.connection().send(Kind::kGrant, body);
      news.granted = next;
    }
  }
}

bool Hub::all_ready() const {
  return std::all_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.ready; });
}

// A burst of pings while everybody waits. What else comes meanwhile is kept.
void Hub::measure_clock(Peer& peer, News& news) {
  peer.burst = {};
  const auto index = static_cast<std::size_t>(&peer - peers_.data());
  Connection& connection = peer.session.connection();
  const std::int64_t deadline = monotonic_ns() + kBurstTime_ns;
  // Three at least, even where the way is long.
  const std::int64_t last = deadline + 4 * kBurstTime_ns;
  while (connection.lost().empty() && peer.burst.count() < kBurst) {
    if (monotonic_ns() > (peer.burst.count() < 3 ? last : deadline)) break;
    const int before = peer.burst.count();
    peer.ping_sent_ns = monotonic_ns();
    connection.send(Kind::kPing, encode(peer.ping_sent_ns));
    while (peer.burst.count() == before && monotonic_ns() < last) {
      const auto message = connection.wait(kBurstTime_ns);
      if (!message) break;
      take(index, *message, news);
    }
    if (peer.burst.count() == before) break;
  }
}

std::int64_t Hub::agree_on_begin() {
  std::int64_t farthest = 0;
  for (Peer& peer : peers_) {
    measure_clock(peer, kept_);
    peer.began = peer.burst.best();
    if (!peer.began) {
      peer.session.connection().lose("it does not answer");
      continue;
    }
    if (!peer.clock.start) peer.clock.start = peer.began;
    farthest = std::max(farthest, 2 * peer.began->error_ns);
  }
  horizon_ns_ = kHorizon_ns + 3 * static_cast<std::uint64_t>(farthest);
  // Time for the message to get there, twice over.
  const std::int64_t begin = monotonic_ns() + kStartLead_ns + 2 * farthest;
  for (Peer& peer : peers_)
    if (peer.began)
      peer.session.connection().send(Kind::kBegin, encode(ClockTranslation(*peer.began).to_there(begin)));
  return begin;
}

void Hub::gather(std::vector<std::string> bytes) { gathered_ = std::move(bytes); }

void Hub::add_rates(std::size_t peer, const HostRates& rates) {
  if (!peers_[peer].began) return;
  recorded_.resize(peers_.size());
  auto& slices = recorded_[peer];
  std::int64_t at = ClockTranslation(*peers_[peer].began).to_here(rates.begin_ns);
  // Times may be anything; what lies far from now is no rate of this run.
  if (std::abs(static_cast<double>(at) - static_cast<double>(monotonic_ns())) > 1e16) return;
  for (std::size_t i = 0; i < rates.bytes.size() && slices.size() < kMostSlices; ++i, at += period_ns_)
    slices.push_back({at, at + period_ns_, rates.bytes[i], rates.operations[i]});
}

void Hub::stop(const std::string& reason, std::uint64_t granted, const InstanceOutcome& outcome) {
  if (std::exchange(stopped_, true)) return;
  StopRequest request{reason, "", granted};
  if (outcome.status != "ok")
    request = {"cancelled", outcome.reason, granted};
  else if (reason == "cancelled")
    request.why = "it was interrupted";
  const std::string body = encode(request);
  for (Peer& peer : peers_)
    if (!peer.is_gone()) peer.session.connection().send(Kind::kStop, body);
}

bool Hub::all_gone() const {
  return std::all_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.is_gone(); });
}

void Hub::give_up(const std::string& reason) {
  for (Peer& peer : peers_)
    if (!peer.is_gone()) peer.session.connection().lose(reason);
}

void Hub::translate(Peer& peer, InstanceOutcome& theirs) const {
  if (!peer.began) return;
  const ClockTranslation clock =
      peer.ended ? ClockTranslation(*peer.began, *peer.ended) : ClockTranslation(*peer.began);
  for (WorkerOutcome& worker : theirs.workers) {
    if (worker.begin_ns > 0) worker.begin_ns = clock.to_here(worker.begin_ns);
    if (worker.end_ns > 0) worker.end_ns = clock.to_here(worker.end_ns);
    for (auto& slices : worker.slices)
      for (stats::Slice& slice : slices) {
        slice.begin_ns = clock.to_here(slice.begin_ns);
        slice.end_ns = clock.to_here(slice.end_ns);
      }
  }
}

void Hub::finish(InstanceOutcome& outcome) {
  launched_ = false;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    Peer& peer = peers_[i];
    if (peer.began && peer.outcome) {
      News unheeded;
      measure_clock(peer, unheeded);
      peer.ended = peer.burst.best();
      if (peer.ended) peer.clock.end = peer.ended;
      const auto error = std::max(peer.began->error_ns, peer.ended ? peer.ended->error_ns : 0);
      outcome.clock_error_ns = std::max(outcome.clock_error_ns, error);
    }
    InstanceOutcome theirs = peer.outcome ? std::move(*peer.outcome) : InstanceOutcome{};
    translate(peer, theirs);
    // One that was lost leaves no figures, but its ranks are counted.
    theirs.workers.resize(static_cast<std::size_t>(peer.ranks));
    for (WorkerOutcome& worker : theirs.workers) outcome.workers.push_back(std::move(worker));
    for (const auto& [name, value] : theirs.counters)
      outcome.counters[fmt::format("host{}/{}", i + 1, name)] = value;
  }
}

}  // namespace millrace::run::peer
