// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/verification.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/zero_copy.hpp"

namespace millrace::tcp {
namespace {

constexpr std::size_t kChunk = 256 << 10;  // a multiple of 8

// SplitMix64 (Steele, Lea and Flood 2014): word i of a stream is its i-th output, so that any part can be
// made by itself.
std::uint64_t word_at(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// The sending loop of the measurement in little: by the same kind of call.
Result<void> send_pass(const sdk::Host& host, const Connection& to, std::span<const std::byte> bytes,
                       const StreamOptions& options, ZeroCopy& zero_copy) {
  if (!options.zero_copy) return send_all(host, to, bytes.data(), bytes.size(), options.link.silence_ns);
  std::int64_t moved_ns = host.now_ns();
  for (std::size_t done = 0; done < bytes.size() || zero_copy.in_flight() > 0;) {
    if (host.cancelled()) return stopped_from_outside();
    const std::size_t size = std::min(options.block_size, bytes.size() - done);
    const ssize_t sent =
        size == 0 ? 0 : send(to.fd(), bytes.data() + done, size, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_ZEROCOPY);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
      return network_failure(errno, "send to " + to.peer_text());
    if (sent > 0) {
      zero_copy.sent();
      done += static_cast<std::size_t>(sent);
      moved_ns = host.now_ns();
    }
    const std::uint64_t before = zero_copy.in_flight();
    if (!zero_copy.reap(to.fd())) return network_failure(errno, "send to " + to.peer_text());
    if (zero_copy.in_flight() < before) moved_ns = host.now_ns();
    if (sent <= 0 && zero_copy.in_flight() == before) {
      pollfd ready = {to.fd(), static_cast<short>(size > 0 ? POLLOUT : 0), 0};
      poll(&ready, 1, 1);
    }
    if (host.now_ns() - moved_ns > options.link.silence_ns)
      return tl::unexpected(peer_silent(to.peer_text(), options.link.silence_ns));
  }
  return {};
}

Result<void> send_patterns(const sdk::Host& host, std::span<Connection> connections,
                           const StreamOptions& options) {
  std::vector<std::byte> pattern(options.verify_bytes);
  for (const Connection& to : connections) {
    if (!to.outgoing) continue;
    fill_pattern(pattern, stream_seed(host, to), 0);
    ZeroCopy zero_copy;
    if (Result<void> sent = send_pass(host, to, pattern, options, zero_copy); !sent) return sent;
  }
  return {};
}

Result<void> check_patterns(const sdk::Host& host, std::span<Connection> connections,
                            const StreamOptions& options) {
  std::vector<std::byte> chunk(kChunk);
  for (const Connection& from : connections) {
    if (from.outgoing) continue;
    for (std::uint64_t offset = 0; offset < options.verify_bytes; offset += kChunk) {
      const auto size =
          static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, options.verify_bytes - offset));
      if (Result<void> came = receive_all(host, from, chunk.data(), size, options.link.silence_ns); !came)
        return came;
      const std::size_t wrong = first_wrong({chunk.data(), size}, stream_seed(host, from), offset);
      if (wrong == size) continue;
      host.verified(false);
      return failure(
          fmt::format("byte {} of stream {} from {} is not the one that was sent", offset + wrong, from.index,
                      from.peer_text()),
          "something on the way corrupts data: a NIC, its offloads (ethtool -K), memory or a proxy");
    }
    host.counter("tcp:verified_bytes", static_cast<double>(options.verify_bytes));
    host.verified(true);
  }
  return {};
}

}  // namespace

void fill_pattern(std::span<std::byte> to, std::uint64_t seed, std::uint64_t offset) {
  for (std::size_t at = 0; at < to.size(); at += 8) {
    const std::uint64_t word = word_at(seed, (offset + at) / 8);
    std::memcpy(to.data() + at, &word, std::min<std::size_t>(8, to.size() - at));
  }
}

std::size_t first_wrong(std::span<const std::byte> at, std::uint64_t seed, std::uint64_t offset) {
  for (std::size_t i = 0; i < at.size(); i += 8) {
    const std::uint64_t word = word_at(seed, (offset + i) / 8);
    const std::size_t size = std::min<std::size_t>(8, at.size() - i);
    if (std::memcmp(at.data() + i, &word, size) == 0) continue;
    const auto* right = reinterpret_cast<const std::byte*>(&word);
    return i + static_cast<std::size_t>(std::mismatch(right, right + size, at.data() + i).first - right);
  }
  return at.size();
}

std::uint64_t stream_seed(const sdk::Host& host, const Connection& connection) {
  const int server = is_client(host) ? connection.peer_rank : host.rank();
  return word_at(static_cast<std::uint64_t>(server), connection.index);
}

Result<void> verify_streams(const sdk::Host& host, std::span<Connection> connections,
                            const StreamOptions& options) {
  Result<void> sent;
  {
    const std::jthread sender([&] { sent = send_patterns(host, connections, options); });
    if (Result<void> right = check_patterns(host, connections, options); !right) {
      // The sender may wait for room that never comes: an end of the connection lets it go.
      for (const Connection& connection : connections) shutdown(connection.fd(), SHUT_RDWR);
      return right;
    }
  }
  return sent;
}

}  // namespace millrace::tcp
