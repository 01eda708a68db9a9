// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/sender.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/socket_statistics.hpp"
#include "modules/tcp/verification.hpp"
#include "modules/tcp/watch.hpp"

namespace millrace::tcp {
namespace {

constexpr std::int64_t kSampleNs = 100'000'000;
constexpr std::uint32_t kSendsPerReap = 16;

}  // namespace

Result<Sender> Sender::make(std::span<Connection* const> connections, const StreamOptions& options) {
  Sender sender;
  sender.options_ = options;
  sender.block_.resize(options.block_size);
  fill_pattern(sender.block_, 1, 0);  // so that nothing on the way can compress it
  const bool one = connections.size() == 1;
  sender.flags_ = MSG_NOSIGNAL | (one ? 0 : MSG_DONTWAIT) | (options.zero_copy ? MSG_ZEROCOPY : 0);
  Result<Socket> watched = watch(connections, EPOLLOUT);
  if (!watched) return tl::unexpected(watched.error());
  sender.epoll_ = std::move(*watched);
  for (Connection* connection : connections) sender.streams_.push_back({connection, {}, {}, 0, 0});
  return sender;
}

Result<Sender::Turn> Sender::send_once(Stream& stream, std::int64_t now_ns) {
  const int fd = stream.connection->fd();
  const ssize_t sent = send(fd, block_.data(), block_.size(), flags_);
  if (sent > 0) {
    stream.moved_ns = now_ns;
    if (!options_.zero_copy) return Turn::kFine;
    stream.zero_copy.sent();
    if (++stream.since_reaped < kSendsPerReap) return Turn::kFine;
  } else if (errno == ECONNRESET || errno == EPIPE) {
    return Turn::kPeerEnded;
  } else if (errno == ENOBUFS && options_.zero_copy) {  // too many sends whose pages the kernel still holds
    pollfd done = {fd, 0, 0};
    poll(&done, 1, 1);
  } else if (errno != EAGAIN && errno != EINTR) {
    return network_failure(errno, "send to " + stream.connection->peer_text());
  }
  if (!options_.zero_copy) return Turn::kFine;
  stream.since_reaped = 0;
  if (!stream.zero_copy.reap(fd)) return network_failure(errno, "send to " + stream.connection->peer_text());
  return Turn::kFine;
}

Result<void> Sender::look(const sdk::Host& host, std::int64_t now_ns) {
  for (const Stream& stream : streams_) {
    if (now_ns - stream.moved_ns > options_.link.silence_ns)
      return tl::unexpected(peer_silent(stream.connection->peer_text(), options_.link.silence_ns));
    sample_sender(host, statistics_of(stream.connection->fd()));
  }
  return {};
}

Result<LoopEnd> Sender::loop(const sdk::Host& host, const std::function<bool()>& stopped) {
  std::array<epoll_event, 64> ready = {};
  std::int64_t sampled_ns = host.now_ns();
  while (!stopped()) {
    int count = 1;
    if (epoll_)
      count = epoll_wait(epoll_.fd(), ready.data(), static_cast<int>(ready.size()),
                         static_cast<int>(kLookNs / 1'000'000));
    const std::int64_t now = host.now_ns();
    for (int i = 0; i < count; ++i) {
      const Result<Turn> turn = send_once(streams_[ready[static_cast<std::size_t>(i)].data.u64], now);
      if (!turn) return tl::unexpected(turn.error());
      if (*turn == Turn::kPeerEnded) return LoopEnd::kPeerEnded;
    }
    if (now - sampled_ns < kSampleNs) continue;
    sampled_ns = now;
    if (const Result<void> fine = look(host, now); !fine) return tl::unexpected(fine.error());
  }
  return LoopEnd::kStopped;
}

Result<LoopEnd> Sender::run(const sdk::Host& host, const std::function<bool()>& stopped) {
  for (Stream& stream : streams_) {
    stream.before = statistics_of(stream.connection->fd());
    stream.moved_ns = host.now_ns();
  }
  Result<LoopEnd> end = loop(host, stopped);
  count(host);
  for (const Stream& stream : streams_) shutdown(stream.connection->fd(), SHUT_WR);
  return end;
}

void Sender::count(const sdk::Host& host) const {
  std::uint64_t sends = 0, copied = 0;
  for (const Stream& stream : streams_) {
    const tcp_info after = statistics_of(stream.connection->fd());
    sample_sender(host, after);
    sample_stream(host, stream.before, after);
    count_sender(host, stream.before, after);
    sends += stream.zero_copy.sends();
    copied += stream.zero_copy.copied();
  }
  if (!options_.zero_copy) return;
  host.counter("tcp:zero_copy_sends", static_cast<double>(sends));
  host.counter("tcp:zero_copy_copied_sends", static_cast<double>(copied));
  if (copied > 0) host.raise_flag("zero-copy-copied");
}

}  // namespace millrace::tcp
