// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/ping.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/socket_statistics.hpp"
#include "modules/tcp/verification.hpp"

namespace millrace::tcp {
namespace {

// How long before an arrival to stop sleeping and watch the clock: the kernel's timers wake a thread tens of
// microseconds late, which must not count as the link's latency.
constexpr std::int64_t kWatchNs = 100'000;
constexpr std::size_t kSamples = 4096;
constexpr std::size_t kMostOutstanding = 1 << 20;  // bounds the memory where the rate is beyond the link
constexpr std::size_t kLeastBuffer = 64 << 10;

// Counts a reply, as what the user asked for: a round trip, or half of one. Some are also handed over as
// samples whose name says which; they are drawn so that each reply is as likely to be among them (reservoir
// sampling, algorithm R of J. Vitter 1985).
class Tally {
 public:
  Tally(const sdk::Host& host, const LatencyOptions& options, sdk::Recorder& recorder)
      : host_(host), recorder_(recorder), size_(options.message_size), half_(options.half) {
    samples_.reserve(kSamples);
  }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally() {
    const char* name = half_ ? "half_round_trip_s" : "round_trip_s";
    for (const std::int64_t sample : samples_) host_.sample(name, static_cast<double>(sample) * 1e-9);
  }

  void reply(std::int64_t now_ns, std::int64_t took_ns) {
    const std::int64_t counted = std::max<std::int64_t>(took_ns, 0) / (half_ ? 2 : 1);
    recorder_.latency(static_cast<std::uint64_t>(counted));
    recorder_.done(now_ns, size_);
    if (samples_.size() < kSamples)
      samples_.push_back(counted);
    else if (const std::uint64_t place = random_() % (replies_ + 1); place < kSamples)
      samples_[place] = counted;
    ++replies_;
  }

 private:
  const sdk::Host& host_;
  sdk::Recorder& recorder_;
  std::size_t size_;
  bool half_;
  std::uint64_t replies_ = 0;
  std::vector<std::int64_t> samples_;
  std::minstd_rand random_;
};

// What one call of send or recv came to, where it is not bytes.
Result<std::optional<LoopEnd>> trouble(ssize_t moved, const char* doing, const Connection& connection) {
  if (moved > 0) return std::optional<LoopEnd>{};
  if (moved == 0 || errno == ECONNRESET || errno == EPIPE) return std::optional(LoopEnd::kPeerEnded);
  if (errno == EAGAIN || errno == EINTR) return std::optional<LoopEnd>{};
  return network_failure(errno, fmt::format("{} {}", doing, connection.peer_text()));
}

}  // namespace

Result<PingEnd> ping_closed(const sdk::Host& host, const Connection& connection,
                            const LatencyOptions& options, sdk::Recorder& recorder) {
  const int fd = connection.fd();
  const int flags = options.spin ? MSG_DONTWAIT : 0;
  std::vector<std::byte> message(options.message_size);
  fill_pattern(message, options.seed, 0);
  Tally tally(host, options, recorder);
  std::int64_t began_ns = host.now_ns();
  while (!host.cancelled()) {
    Patience patience(options.spin);
    for (std::size_t sent = 0, received = 0; received < message.size();) {
      const bool sending = sent < message.size();
      const ssize_t moved = sending
                                ? send(fd, message.data() + sent, message.size() - sent, flags | MSG_NOSIGNAL)
                                : recv(fd, message.data() + received, message.size() - received, flags);
      if (moved > 0) [[likely]] {
        (sending ? sent : received) += static_cast<std::size_t>(moved);
        continue;
      }
      const Result<std::optional<LoopEnd>> end =
          trouble(moved, sending ? "send to" : "receive from", connection);
      if (!end) return tl::unexpected(end.error());
      if (*end) return PingEnd{**end};
      patience.failed();
      if (host.cancelled()) return PingEnd{};
      if (host.now_ns() - began_ns > options.link.silence_ns)
        return tl::unexpected(peer_silent(connection.peer_text(), options.link.silence_ns));
    }
    const std::int64_t now = host.now_ns();
    tally.reply(now, now - began_ns);
    began_ns = now;
  }
  return PingEnd{};
}

Result<PingEnd> ping_open(const sdk::Host& host, const Connection& connection, const LatencyOptions& options,
                          sdk::Recorder& recorder) {
  const int fd = connection.fd();
  std::vector<std::byte> requests(std::max(options.message_size, kLeastBuffer)), replies(requests.size());
  fill_pattern(requests, options.seed, 0);
  Tally tally(host, options, recorder);
  std::mt19937_64 random(options.seed);
  std::exponential_distribution<double> gap(*options.rate_per_s * 1e-9);  // ns
  const std::int64_t begin_ns = host.now_ns();
  double since_begin_ns =
      gap(random);  // of the next arrival; a real number, so that rounding does not add up
  const auto next_ns = [&] { return begin_ns + static_cast<std::int64_t>(since_begin_ns); };
  Patience patience(options.spin);
  std::deque<std::int64_t> waiting;  // intended starts of requests that have no reply yet
  std::uint64_t to_send = 0;         // bytes of them that the socket has not taken yet
  std::size_t of_reply = 0;          // bytes of the first one's reply that have come
  std::int64_t heard_ns = begin_ns;  // when a reply moved on, or the first was waited for
  while (!host.cancelled()) {
    std::int64_t now = host.now_ns();
    for (; next_ns() <= now && waiting.size() < kMostOutstanding; since_begin_ns += gap(random)) {
      if (waiting.empty()) heard_ns = now;
      waiting.push_back(next_ns());
      to_send += options.message_size;
    }
    bool moved = false;
    if (to_send > 0) {
      const ssize_t sent = send(fd, requests.data(), std::min<std::uint64_t>(to_send, requests.size()),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
      const Result<std::optional<LoopEnd>> end = trouble(sent, "send to", connection);
      if (!end) return tl::unexpected(end.error());
      if (*end) return PingEnd{**end};
      moved = sent > 0;
      to_send -= moved ? static_cast<std::uint64_t>(sent) : 0;
    }
    if (!waiting.empty()) {
      const ssize_t got = recv(fd, replies.data(), replies.size(), MSG_DONTWAIT);
      const Result<std::optional<LoopEnd>> end = trouble(got, "receive from", connection);
      if (!end) return tl::unexpected(end.error());
      if (*end) return PingEnd{**end};
      moved = moved || got > 0;
      if (got > 0) heard_ns = now;
      if (now - heard_ns > options.link.silence_ns)
        return tl::unexpected(peer_silent(connection.peer_text(), options.link.silence_ns));
      of_reply += got > 0 ? static_cast<std::size_t>(got) : 0;
      if (of_reply >= options.message_size) now = host.now_ns();
      for (; of_reply >= options.message_size && !waiting.empty(); of_reply -= options.message_size) {
        tally.reply(now, now - waiting.front());
        waiting.pop_front();
      }
    }
    if (moved) {
      patience = Patience(options.spin);
      continue;
    }
    const std::int64_t nap = std::min(next_ns() - now - kWatchNs, kLookNs);
    patience.failed();
    if (options.spin || (nap <= 0 && waiting.size() < kMostOutstanding)) continue;
    pollfd ready = {fd, static_cast<short>(POLLIN | (to_send > 0 ? POLLOUT : 0)), 0};
    const timespec time = {0, std::max<std::int64_t>(nap, 1'000'000)};
    ppoll(&ready, 1, &time, nullptr);
  }
  return PingEnd{LoopEnd::kStopped, std::max<std::int64_t>(0, host.now_ns() - next_ns())};
}

Result<void> ping_some(const sdk::Host& host, const Connection& connection, const LatencyOptions& options,
                       std::uint32_t messages) {
  std::vector<std::byte> request(options.message_size), reply(options.message_size);
  for (std::uint32_t i = 0; i < messages; ++i) {
    fill_pattern(request, i, 0);
    if (Result<void> gone =
            send_all(host, connection, request.data(), request.size(), options.link.silence_ns);
        !gone)
      return gone;
    if (Result<void> came =
            receive_all(host, connection, reply.data(), reply.size(), options.link.silence_ns);
        !came)
      return came;
    const std::size_t wrong = first_wrong(reply, i, 0);
    if (wrong == reply.size()) continue;
    host.verified(false);
    return failure(fmt::format("byte {} of reply {} from {} is not the one that was sent", wrong, i,
                               connection.peer_text()),
                   "something on the way corrupts data: a NIC, its offloads (ethtool -K), memory or a proxy");
  }
  host.verified(true);
  return {};
}

}  // namespace millrace::tcp
