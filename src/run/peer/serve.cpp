// SPDX-License-Identifier: Apache-2.0
#include "run/peer/serve.hpp"

#include <fmt/format.h>

#include <utility>

#include "run/interrupt.hpp"
#include "run/peer/door.hpp"
#include "run/peer/guest.hpp"
#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

constexpr int kServeTick_ms = 50;

// The token's file, for as long as the token is good.
class TokenFile {
 public:
  TokenFile(const Token& token, std::optional<std::filesystem::path> file)
      : token_(token), file_(std::move(file)) {}
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;
  ~TokenFile() {
    if (written_) remove_token(token_, *file_);
  }
  Result<void> write() {
    if (!file_) return {};
    auto written = write_token(token_, *file_);
    written_ = written.has_value();
    return written;
  }

 private:
  const Token& token_;
  std::optional<std::filesystem::path> file_;
  bool written_ = false;
};

// The one that knows the token; nothing when nobody came in time.
Result<std::optional<Connection>> wait_for_guest(Door& door, const Token& token, Duration idle) {
  const std::int64_t deadline = monotonic_ns() + idle.ns;
  while (monotonic_ns() < deadline) {
    if (was_interrupted()) return failure("interrupted", "", Exit::kInterrupted);
    if (auto session = door.let_in(token)) return session;
    if (door.is_besieged())
      return failure(fmt::format("{} wrong tokens were given: somebody guesses, or uses an old one",
                                 Door::kMostWrongTokens),
                     "start it again: it makes a new token");
    std::vector<pollfd> waiting;
    door.append_poll(waiting);
    poll(waiting.data(), waiting.size(), kServeTick_ms);
  }
  return std::optional<Connection>{};
}

}  // namespace

Result<void> serve(const ServeOptions& options, const ServeCallbacks& callbacks) {
  const Catalog catalog = read_catalog();
  auto machine = topology::discover();
  if (!machine) return tl::unexpected(machine.error());
  auto listener = listen_on(options.listen);
  if (!listener) return tl::unexpected(listener.error());
  Door door(std::move(*listener), callbacks.say);
  for (int left = options.sessions; left > 0; --left) {
    const Token token = Token::make();
    std::optional<Connection> connection;
    {
      TokenFile file(token, options.token_file);
      if (auto written = file.write(); !written) return written;
      callbacks.ready(door.address(), options.token_file ? "" : token.text());
      auto guest = wait_for_guest(door, token, options.idle);
      if (!guest) return tl::unexpected(guest.error());
      connection = std::move(*guest);
    }
    if (!connection) {
      callbacks.say(fmt::format("nobody came within {}", to_text(options.idle)));
      return {};
    }
    callbacks.say(fmt::format("session with {}", door.guest()));
    Guest guest(std::move(*connection), door, *machine, catalog, {options.allowed, options.ports},
                callbacks.say);
    guest.serve(options.idle);
    if (was_interrupted()) return failure("interrupted", "", Exit::kInterrupted);
  }
  return {};
}

}  // namespace millrace::run::peer
