// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/latency_probe.hpp"

#include <algorithm>
#include <thread>
#include <vector>

#include "modules/tcp/echo.hpp"
#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/ping.hpp"
#include "modules/tcp/placement.hpp"
#include "modules/tcp/socket_statistics.hpp"

namespace millrace::tcp {
namespace {

constexpr std::uint64_t kOtherMemory = 16 << 20;
// Arrivals that wait for longer than this share of the run at its end: a rate that much too high, not a
// hiccup.
constexpr double kBehindShare = 0.05;
constexpr std::uint64_t kVerifiedBytes = 1 << 20;
constexpr std::uint32_t kMostVerified = 64;

std::uint32_t verified_messages(const LatencyOptions& options) {
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(kVerifiedBytes / options.message_size, 1, kMostVerified));
}

}  // namespace

sdk::Outcome LatencyProbe::describe(sdk::Host& host) {
  const Result<LatencyOptions> options = latency_options_from(host);
  if (!options) return report(host, options.error());
  if (const Result<void> fine = try_link_options(host, options->link); !fine)
    return report(host, fine.error());
  const auto peers = static_cast<std::uint32_t>(std::max(host.hosts() - 1, 1));
  const std::uint32_t threads = host.hosts() > 1 && host.host_index() == 0 ? peers : 1;
  return add_ends(host, options->link, true, threads, threads * (3 * options->message_size) + kOtherMemory,
                  0);
}

Result<void> LatencyProbe::prepare(const sdk::Host& host) {
  Result<LatencyOptions> options = latency_options_from(host);
  if (!options) return tl::unexpected(options.error());
  options_ = std::move(*options);
  Result<Meeting> meeting = meet(host, options_.link, {1, 0});
  if (!meeting) return tl::unexpected(meeting.error());
  meeting_ = std::move(*meeting);
  const std::uint32_t messages = options_.verify ? verified_messages(options_) : 0;
  for (const Connection& connection : meeting_.connections) {
    if (Result<void> right = is_client(host) ? ping_some(host, connection, options_, messages)
                                             : echo_some(host, connection, options_, messages);
        !right && options_.verify)
      return right;
    for (const Result<void>& done :
         {set_blocking(connection.fd(), true), limit_waits(connection.fd(), kLookNs)})
      if (!done) return done;
  }
  return {};
}

sdk::Outcome LatencyProbe::open(sdk::Host& host) {
  if (const Result<void> prepared = prepare(host); !prepared) return report(host, prepared.error());
  if (is_client(host) && options_.half) host.raise_flag("half-round-trip");
  if (meeting_.strangers > 0) host.counter("tcp:strangers_refused", meeting_.strangers);
  say_route(host, meeting_.connections);
  return sdk::Outcome::kOk;
}

Result<LoopEnd> LatencyProbe::ask(const sdk::Host& host, const Connection& connection) const {
  sdk::Recorder recorder = host.recorder();
  if (!recorder) return failure("no recorder is left for a connection", "measure against fewer hosts");
  const tcp_info before = statistics_of(connection.fd());
  const std::int64_t begin_ns = host.now_ns();
  const Result<PingEnd> end = options_.rate_per_s ? ping_open(host, connection, options_, recorder)
                                                  : ping_closed(host, connection, options_, recorder);
  const auto ran_ns = static_cast<double>(host.now_ns() - begin_ns);
  const tcp_info after = statistics_of(connection.fd());
  count_sender(host, before, after);
  shutdown(connection.fd(), SHUT_WR);
  if (!end) return tl::unexpected(end.error());
  if (static_cast<double>(end->behind_ns) > kBehindShare * ran_ns) host.raise_flag("rate-not-reached");
  return end->end;
}

sdk::Outcome LatencyProbe::run(sdk::Host& host) {
  std::vector<Result<LoopEnd>> ends(meeting_.connections.size(), LoopEnd::kStopped);
  const auto loop = [&](std::size_t i) {
    const Connection& connection = meeting_.connections[i];
    ends[i] = is_client(host) ? ask(host, connection) : echo(host, connection, options_);
  };
  {
    std::vector<std::jthread> others;  // with one connection the loop runs here, where the core pinned it
    for (std::size_t i = 1; i < ends.size(); ++i) others.emplace_back(loop, i);
    loop(0);
  }
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (!ends[i]) return report(host, ends[i].error());
    if (*ends[i] == LoopEnd::kPeerEnded && !soon_cancelled(host))
      return report(host, peer_ended(meeting_.connections[i].peer_text()));
  }
  return sdk::Outcome::kOk;
}

}  // namespace millrace::tcp
