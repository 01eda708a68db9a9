// SPDX-License-Identifier: Apache-2.0
// Whole messages between two hosts that have proved themselves to each other: encrypted and authenticated in
// order (crypto_secretstream), so that nobody in between can read, add, change, repeat or leave out anything.
#pragma once

#include <sodium.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "run/peer/address.hpp"

namespace millrace::run::peer {

// What a message is; messages.hpp has their bodies.
enum class Kind : char {
  kMachine = 'm',   // peer -> asker: who it is
  kPlan = 'p',      // asker -> peer: a probe and its parameters; peer -> asker: its workers
  kLaunch = 'l',    // asker -> peer: start the workers
  kReady = 'y',     // peer -> asker: all of them are
  kBegin = 'b',     // asker -> peer: when
  kStop = 's',      // asker -> peer
  kFailed = 'f',    // peer -> asker: at once; the outcome follows
  kExchange = 'x',  // peer -> asker: its ranks' bytes; asker -> peer: all ranks'
  kBarrier = 'r',   // peer -> asker: its ranks have come; asker -> peer: all have
  kPace = 'g',      // peer -> asker: how far its ranks are
  kGrant = 'G',     // asker -> peer: how far all may run
  kPing = 'i',      // asker -> peer
  kPong = 'o',      // peer -> asker, at once, with its time
  kRates = 't',     // peer -> asker: what its workers recorded lately
  kLog = 'L',       // peer -> asker
  kOutcome = 'd',   // peer -> asker: the end of a launch
  kBye = 'q',       // asker -> peer: the end of the session
};

struct Sealed {
  Kind kind;
  std::string body;
};

// The host that asked pings each second; after this long without a word the other end counts as gone.
inline constexpr std::int64_t kSilence_ns = 10'000'000'000;

inline constexpr std::size_t kMostOfMessage = std::size_t{64} << 20;

class Connection {
 public:
  using Stream = crypto_secretstream_xchacha20poly1305_state;
  Connection(Socket socket, const Stream& sealing, const Stream& opening);
  Connection(Connection&&) = default;
  Connection& operator=(Connection&&) = default;

  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] const Socket& socket() const { return socket_; }
  // POLLIN, and POLLOUT while something waits to be sent.
  [[nodiscard]] short poll_events() const;

  // Queues the message and sends what the kernel takes now; never waits.
  void send(Kind kind, std::string_view body = {});
  // Sends what waits, and takes the next whole message that has come, if any.
  std::optional<Sealed> receive();
  // The same, but waits for it. Nothing when the time is over, the connection is lost or a signal came.
  std::optional<Sealed> wait(std::int64_t timeout_ns);
  // Waits until all that was queued has been sent.
  void flush(std::int64_t timeout_ns);

  // Why it is of no use any more: "it was closed"; empty while it is.
  [[nodiscard]] const std::string& lost() const { return lost_; }
  void lose(std::string why);
  // When something came last (or when `heard` was called): CLOCK_MONOTONIC.
  [[nodiscard]] std::int64_t heard_ns() const { return heard_ns_; }
  void set_heard(std::int64_t now_ns) { heard_ns_ = now_ns; }

 private:
  void push_out();
  void pull_in();
  bool open_frame();

  Socket socket_;
  Stream sealing_, opening_;
  std::string out_, in_;
  std::size_t out_at_ = 0, in_at_ = 0;
  std::string partial_;  // of the message that is coming
  std::string lost_;
  std::int64_t heard_ns_ = 0;
  bool whole_ = false;
};

}  // namespace millrace::run::peer
