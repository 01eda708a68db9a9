// SPDX-License-Identifier: Apache-2.0
// One TCP connection between two ranks, which carries one stream in one direction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/tcp/socket.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// How long a blocking call may keep a loop from seeing that it is to stop.
constexpr std::int64_t kLookNs = 20'000'000;

struct Connection {
  Socket socket;
  int peer_rank = 0;
  std::uint32_t index = 0;  // among the streams between these two ranks: both ends have the same
  bool outgoing = true;     // the stream leaves here
  Address peer;             // kept: a socket that was reset no longer knows

  [[nodiscard]] int fd() const { return socket.fd(); }
  [[nodiscard]] std::string peer_text() const { return peer.text(); }
};

// Why a loop over connections came to its end.
enum class LoopEnd {
  kStopped,    // as it was told
  kPeerEnded,  // the peer closed, or reset the connection
};

// A peer that ended first was told to stop as we shall be in a moment, or it died. Waits for which it was:
// true: we are told to stop too.
bool soon_cancelled(const sdk::Host& host);
Error peer_ended(const std::string& peer);
Error peer_silent(const std::string& peer, std::int64_t silence_ns);

// As many descriptors as that must be allowed: raises the soft limit where the hard one permits.
Result<void> allow_descriptors(std::size_t count);

// Both return Exit::kInterrupted when the host says stop, and fail when nothing moves for `silence_ns`.
// The socket may be blocking or not.
Result<void> send_all(const sdk::Host& host, const Connection& to, const void* bytes, std::size_t size,
                      std::int64_t silence_ns);
Result<void> receive_all(const sdk::Host& host, const Connection& from, void* bytes, std::size_t size,
                         std::int64_t silence_ns);

}  // namespace millrace::tcp
