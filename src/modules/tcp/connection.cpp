// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <ctime>

#include "modules/tcp/network_failure.hpp"
#include "units/quantity.hpp"

namespace millrace::tcp {
namespace {

// Two hosts hear of the stop within a round trip of the connection between them, and a look of their cores.
constexpr std::int64_t kGraceNs = 3'000'000'000;

// Waits until the socket is ready for `events`; an error when the host says stop or nothing came in time.
Result<void> wait_for(const sdk::Host& host, const Connection& connection, short events,
                      std::int64_t since_ns, std::int64_t silence_ns) {
  while (!host.cancelled()) {
    pollfd ready = {connection.fd(), events, 0};
    if (poll(&ready, 1, static_cast<int>(kLookNs / 1'000'000)) > 0) return {};
    if (host.now_ns() - since_ns > silence_ns)
      return tl::unexpected(peer_silent(connection.peer_text(), silence_ns));
  }
  return stopped_from_outside();
}

template <typename Move>
Result<void> move_all(const sdk::Host& host, const Connection& connection, short events, std::size_t size,
                      std::int64_t silence_ns, const char* doing, Move move) {
  std::int64_t moved_ns = host.now_ns();
  for (std::size_t done = 0; done < size;) {
    const ssize_t moved = move(done);
    if (moved > 0) {
      done += static_cast<std::size_t>(moved);
      moved_ns = host.now_ns();
    } else if (moved == 0 || errno == ECONNRESET || errno == EPIPE) {
      if (soon_cancelled(host)) return stopped_from_outside();
      return tl::unexpected(peer_ended(connection.peer_text()));
    } else if (errno == EAGAIN) {
      if (Result<void> ready = wait_for(host, connection, events, moved_ns, silence_ns); !ready) return ready;
    } else if (errno != EINTR) {
      return network_failure(errno, fmt::format("{} {}", doing, connection.peer_text()));
    }
  }
  return {};
}

}  // namespace

bool soon_cancelled(const sdk::Host& host) {
  const std::int64_t deadline = host.now_ns() + kGraceNs;
  while (!host.cancelled()) {
    if (host.now_ns() > deadline) return false;
    constexpr timespec kNap = {0, 2'000'000};
    nanosleep(&kNap, nullptr);
  }
  return true;
}

Error peer_ended(const std::string& peer) {
  return {fmt::format("{} closed the connection in the middle of the measurement", peer),
          "the process at the other end died or was stopped: see its output"};
}

Error peer_silent(const std::string& peer, std::int64_t silence_ns) {
  return {fmt::format("nothing moved between here and {} for {}", peer, to_text(Duration{silence_ns})),
          "is the other host alive, is the path up, do the MTUs agree? --silence waits for longer"};
}

Result<void> allow_descriptors(std::size_t count) {
  constexpr std::size_t kOthers = 64;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return network_failure(errno, "read the limit of open files");
  if (count + kOthers <= limit.rlim_cur) return {};
  if (count + kOthers > limit.rlim_max)
    return failure(fmt::format("{} connections are more than this process may have: {} open files", count,
                               limit.rlim_max),
                   fmt::format("raise the limit: ulimit -Hn {}; or give fewer --streams", count + kOthers));
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return network_failure(errno, "raise the limit of open files");
  return {};
}

Result<void> send_all(const sdk::Host& host, const Connection& to, const void* bytes, std::size_t size,
                      std::int64_t silence_ns) {
  return move_all(host, to, POLLOUT, size, silence_ns, "send to", [&](std::size_t done) {
    return send(to.fd(), static_cast<const char*>(bytes) + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
  });
}

Result<void> receive_all(const sdk::Host& host, const Connection& from, void* bytes, std::size_t size,
                         std::int64_t silence_ns) {
  return move_all(host, from, POLLIN, size, silence_ns, "receive from", [&](std::size_t done) {
    return recv(from.fd(), static_cast<char*>(bytes) + done, size - done, MSG_DONTWAIT);
  });
}

}  // namespace millrace::tcp
