// SPDX-License-Identifier: Apache-2.0
// Where a peer listens: lets in the one that knows the token, and tells others, in time and without detail,
// that it does not.
#pragma once

#include <poll.h>

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "run/peer/handshake.hpp"

namespace millrace::run::peer {

class Door {
 public:
  static constexpr int kMostWrongTokens = 5;  // in the life of one token
  explicit Door(Socket listener, std::function<void(const std::string&)> say)
      : listener_(std::move(listener)), say_(std::move(say)) {}

  [[nodiscard]] Address address() const { return own_end(listener_); }
  void append_poll(std::vector<pollfd>& waiting) const;
  // Goes on with those who knock. The session, once one of them has proved to know the token; the others are
  // sent away then.
  std::optional<Connection> let_in(const Token& token);
  // During a session: tells whoever knocks that it is busy.
  void turn_away();
  [[nodiscard]] bool is_besieged() const { return wrong_tokens_ >= kMostWrongTokens; }
  [[nodiscard]] const std::string& guest() const {
    return guest_;
  }  // address and port of the last one let in

 private:
  void open_to_new_ones(bool busy);
  Socket listener_;
  std::function<void(const std::string&)> say_;
  std::list<Caller> callers_;
  int wrong_tokens_ = 0;
  std::string guest_;
};

}  // namespace millrace::run::peer
