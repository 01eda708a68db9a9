// SPDX-License-Identifier: Apache-2.0
#include "run/peer/door.hpp"

#include <fmt/format.h>

#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

constexpr std::size_t kMostCallers = 16;  // at one time; the oldest makes room

}  // namespace

void Door::append_poll(std::vector<pollfd>& waiting) const {
  waiting.push_back({listener_.fd(), POLLIN, 0});
  for (const Caller& caller : callers_)
    if (caller.wants_to_read()) waiting.push_back({caller.fd(), POLLIN, 0});
}

void Door::open_to_new_ones(bool busy) {
  // As many as fit at a time: whoever knocks without end does not keep a session from going on.
  for (std::size_t i = 0; i < kMostCallers; ++i) {
    Socket socket = accept_from(listener_);
    if (socket.fd() < 0) return;
    if (callers_.size() >= kMostCallers) callers_.pop_front();
    callers_.emplace_back(std::move(socket), busy, monotonic_ns());
  }
}

std::optional<Connection> Door::let_in(const Token& token) {
  open_to_new_ones(false);
  for (auto caller = callers_.begin(); caller != callers_.end();) {
    const auto state = caller->advance(token, monotonic_ns());
    if (state == Caller::State::kWelcome) {
      guest_ = caller->name();
      Connection session = caller->take();
      callers_.clear();
      wrong_tokens_ = 0;
      return session;
    }
    if (state == Caller::State::kWrongToken) {
      ++wrong_tokens_;
      say_(fmt::format("{} gave a wrong token", caller->name()));
    }
    if (state == Caller::State::kGone) {
      if (!caller->remark().empty()) say_(fmt::format("{}: {}", caller->name(), caller->remark()));
      caller = callers_.erase(caller);
    } else {
      ++caller;
    }
  }
  return std::nullopt;
}

void Door::turn_away() {
  static const Token nobodys = Token::make();
  open_to_new_ones(true);
  for (auto caller = callers_.begin(); caller != callers_.end();) {
    if (caller->advance(nobodys, monotonic_ns()) != Caller::State::kGone) {
      ++caller;
      continue;
    }
    if (!caller->remark().empty()) say_(fmt::format("{}: {}", caller->name(), caller->remark()));
    caller = callers_.erase(caller);
  }
}

}  // namespace millrace::run::peer
