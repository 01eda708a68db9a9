// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/receiver.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/socket_statistics.hpp"
#include "modules/tcp/watch.hpp"

namespace millrace::tcp {

Result<Receiver> Receiver::make(std::span<Connection* const> connections, const StreamOptions& options) {
  Receiver receiver;
  receiver.options_ = options;
  receiver.block_.resize(options.block_size);
  const bool one = connections.size() == 1;
  receiver.flags_ = (one ? 0 : MSG_DONTWAIT) | (options.discard ? MSG_TRUNC : 0);
  Result<Socket> watched = watch(connections, EPOLLIN);
  if (!watched) return tl::unexpected(watched.error());
  receiver.epoll_ = std::move(*watched);
  for (Connection* connection : connections)
    receiver.streams_.push_back({connection, WakeUp(options.block_size / 2), {}, 0, 0});
  return receiver;
}

Result<Receiver::Turn> Receiver::receive_once(const sdk::Host& host, Stream& stream,
                                              sdk::Recorder& recorder) {
  const int fd = stream.connection->fd();
  const ssize_t got = recv(fd, block_.data(), block_.size(), flags_);
  const std::int64_t now = host.now_ns();
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return Turn::kPeerEnded;
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR)
      return network_failure(errno, "receive from " + stream.connection->peer_text());
    recorder.done(now, 0, 0);  // nothing came: that is a figure too
    if (now - stream.moved_ns > options_.link.silence_ns)
      return tl::unexpected(peer_silent(stream.connection->peer_text(), options_.link.silence_ns));
    if (const int bytes = stream.wake_up.received(0, now); bytes > 0)
      setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
    return Turn::kFine;
  }
  stream.moved_ns = now;
  const auto size = static_cast<std::uint64_t>(got);
  const auto blocks = [&](std::uint64_t bytes) { return (bytes + block_.size() - 1) / block_.size(); };
  recorder.done(now, size, blocks(stream.bytes + size) - blocks(stream.bytes));
  stream.bytes += size;
  if (const int bytes = stream.wake_up.received(size, now); bytes > 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
  return Turn::kFine;
}

Result<LoopEnd> Receiver::loop(const sdk::Host& host, const std::function<bool()>& stopped,
                               sdk::Recorder& recorder) {
  std::array<epoll_event, 64> ready = {};
  std::int64_t swept_ns = host.now_ns();
  while (!stopped()) {
    int count = 1;
    if (epoll_)
      count = epoll_wait(epoll_.fd(), ready.data(), static_cast<int>(ready.size()),
                         static_cast<int>(kLookNs / 1'000'000));
    for (int i = 0; i < count; ++i) {
      const Result<Turn> turn =
          receive_once(host, streams_[ready[static_cast<std::size_t>(i)].data.u64], recorder);
      if (!turn) return tl::unexpected(turn.error());
      if (*turn == Turn::kPeerEnded) return LoopEnd::kPeerEnded;
    }
    if (!epoll_ || host.now_ns() - swept_ns < kLookNs) continue;
    // What came of a stream that then stopped lies below its mark: it is fetched all the same.
    for (Stream& stream : streams_) {
      const Result<Turn> turn = receive_once(host, stream, recorder);
      if (!turn) return tl::unexpected(turn.error());
      if (*turn == Turn::kPeerEnded) return LoopEnd::kPeerEnded;
    }
    swept_ns = host.now_ns();
  }
  return LoopEnd::kStopped;
}

Result<LoopEnd> Receiver::run(const sdk::Host& host, const std::function<bool()>& stopped) {
  sdk::Recorder recorder = host.recorder();
  if (!recorder) return failure("no recorder is left for a receiving thread", "give fewer --threads");
  for (Stream& stream : streams_) {
    stream.before = statistics_of(stream.connection->fd());
    stream.moved_ns = host.now_ns();
  }
  Result<LoopEnd> end = loop(host, stopped, recorder);
  for (const Stream& stream : streams_)
    count_receiver(host, stream.before, statistics_of(stream.connection->fd()));
  return end;
}

}  // namespace millrace::tcp
