// SPDX-License-Identifier: Apache-2.0
#include "run/peer/follower.hpp"

#include <fmt/format.h>

#include <utility>

#include "run/shared_state.hpp"

namespace millrace::run::peer {
void answer_ping(Connection& connection, const std::string& body) {
  if (const auto number = decode_number(body))
    connection.send(Kind::kPong, encode_pong(*number, monotonic_ns()));
  else
    connection.lose("it sends what cannot be read");
}

Follower::Follower(Connection& connection, Door& door, std::size_t ranks)
    : connection_(connection), door_(door), ranks_(ranks) {
  connection_.set_heard(monotonic_ns());
}

void Follower::append_poll(std::vector<pollfd>& waiting) const {
  if (connection_.lost().empty()) waiting.push_back({connection_.fd(), connection_.poll_events(), 0});
  door_.append_poll(waiting);
}

News Follower::hear() {
  News news;
  door_.turn_away();
  while (const auto message = connection_.receive()) take(*message, news);
  if (connection_.lost().empty() && monotonic_ns() - connection_.heard_ns() > kSilence_ns)
    connection_.lose(fmt::format("nothing came from it for {}", to_text(Duration{kSilence_ns})));
  if (!connection_.lost().empty() && !std::exchange(told_lost_, true)) {
    news.failed_as = "failed";
    news.reason = fmt::format("the connection to the host that asked was lost: {}", connection_.lost());
    news.hint = "did `millrace measure`, its host or the network between end?";
  }
  return news;
}

void Follower::take(const Sealed& message, News& news) {
  const auto readable = [&](bool ok) {
    if (!ok) connection_.lose("it sends what cannot be read");
    return ok;
  };
  switch (message.kind) {
    case Kind::kPing:
      return answer_ping(connection_, message.body);
    case Kind::kBegin:
      begin_ns_ = decode_number(message.body);
      readable(begin_ns_.has_value());
      return;
    case Kind::kStop: {
      const auto stop = decode_stop(message.body);
      readable(stop.has_value());
      if (!stop) return;
      told_to_stop_ = true;
      news.granted = stop->granted | kFinalGrant;
      news.stop = stop->reason;
      why_stopped_ = stop->why;
      return;
    }
    case Kind::kExchange:
      news.gathered = decode_gathered(message.body, ranks_);
      readable(news.gathered.has_value());
      return;
    case Kind::kBarrier:
      news.barrier_passed = true;
      return;
    case Kind::kGrant: {
      const std::int64_t granted = decode_number(message.body).value_or(-1);
      if (readable(granted >= 0) && !told_to_stop_) news.granted = static_cast<std::uint64_t>(granted);
      return;
    }
    default:
      readable(false);
  }
}

void Follower::say_ready() {
  if (!std::exchange(said_ready_, true)) connection_.send(Kind::kReady);
}

void Follower::gather(std::vector<std::string> bytes) { connection_.send(Kind::kExchange, encode(bytes)); }

void Follower::arrive() { connection_.send(Kind::kBarrier); }

void Follower::report(const Pace& pace) {
  if (reported_ == pace) return;
  reported_ = pace;
  connection_.send(Kind::kPace, encode(pace));
}

void Follower::report(const HostRates& rates) { connection_.send(Kind::kRates, encode(rates)); }

void Follower::stop(const std::string& reason, std::uint64_t, const InstanceOutcome& outcome) {
  if (std::exchange(told_to_stop_, true)) return;
  if (outcome.status != "ok")
    connection_.send(Kind::kFailed, encode(Failure{outcome.status, outcome.reason, outcome.hint}));
  else if (reason == "cancelled")
    connection_.send(Kind::kFailed, encode(Failure{"failed", "it was interrupted there", ""}));
}

}  // namespace millrace::run::peer
