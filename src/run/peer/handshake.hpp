// SPDX-License-Identifier: Apache-2.0
// How two hosts prove to each other that they know the same token, and agree on keys for one session.
//
//   asker -> peer   Hello: magic, protocol, version; a random nonce, a public key for this session (X25519)
//   peer -> asker   Hello: the same of its own, and whether it is free
//   asker -> peer   Proof: HMAC by the token over "asker" and both hellos; a header of crypto_secretstream
//   peer -> asker   Verdict: 1 and the same over "peer"; or 0 after a while
// The session's keys are those that crypto_kx gives, hashed with the token: whoever listens in and learns the
// token later cannot read what was sent, and whoever is in between cannot take part. The first 48 bytes of a
// Hello are the same in every protocol to come, so that each end can name what the other one speaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "run/peer/address.hpp"
#include "run/peer/connection.hpp"
#include "run/peer/token.hpp"
#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

inline constexpr std::uint32_t kProtocol = 1;

// Of the asking end. Errors are for people: not reached, no peer of Millrace, busy, another protocol, token
// refused. An interruption ends it.
Result<Connection> call(const Address& address, const Token& token, Duration timeout = {10'000'000'000});

// One that has connected to a listening peer and has not proved itself yet. Never waits.
class Caller {
 public:
  enum class State { kTalking, kWelcome, kWrongToken, kGone };
  Caller(Socket socket, bool busy, std::int64_t now_ns);
  // Takes what has come and answers it. kWelcome: take() gives the session. kWrongToken: as soon as that is
  // known, once; it goes on talking then, until the refusal is sent. kGone: it left, was silent for too long,
  // sent something else, or was told all that it is to know.
  State advance(const Token& token, std::int64_t now_ns);
  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] bool wants_to_read() const { return refuse_at_ns_ == 0; }
  [[nodiscard]] const std::string& name() const { return name_; }  // its address and port
  // What is worth a line on the terminal of the peer: "it speaks …"; mostly empty.
  [[nodiscard]] const std::string& remark() const { return remark_; }
  [[nodiscard]] const std::string& version() const { return version_; }
  Connection take();

 private:
  bool read_up_to(std::size_t size);
  State greet();
  State judge(const Token& token, std::int64_t now_ns);

  Socket socket_;
  std::string name_, remark_, version_;
  bool busy_, greeted_ = false;
  std::int64_t deadline_ns_, refuse_at_ns_ = 0;
  std::string in_, secret_key_, hellos_;
  std::optional<Connection> session_;
  bool over_ = false;
};

}  // namespace millrace::run::peer
