// SPDX-License-Identifier: Apache-2.0
#include "cli/peers.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "run/address_range.hpp"
#include "run/peer/plan.hpp"

namespace millrace::cli {
namespace {

using run::peer::Token;

Result<std::vector<Token>> read_all_tokens(const PeerOptions& options) {
  std::vector<Token> tokens;
  for (const std::string& file : options.token_files) {
    auto more = run::peer::read_tokens(file);
    if (!more) return more;
    tokens.insert(tokens.end(), more->begin(), more->end());
  }
  if (!options.token_files.empty()) return tokens;
  const char* text = std::getenv("MILLRACE_TOKEN");
  if (text == nullptr || *text == '\0')
    return failure("--peer needs the token that the peer printed",
                   "--token-file FILE, or the environment variable MILLRACE_TOKEN");
  return run::peer::parse_tokens(text, "MILLRACE_TOKEN");
}

}  // namespace

Result<std::unique_ptr<run::peer::Hub>> reach_peers(const PeerOptions& options) {
  if (options.peers.empty()) {
    if (!options.token_files.empty())
      return failure("--token-file is given without --peer",
                     "--peer ADDRESS:PORT names the peer that printed it");
    if (!options.allowed.empty())
      return failure("--allow-address is given without --peer",
                     "it says where a peer may lead: --peer ADDRESS:PORT names one");
    return std::unique_ptr<run::peer::Hub>();
  }
  if (options.peers.size() >= run::peer::kMostHosts)
    return failure(
        fmt::format("{} peers are given, {} are the most", options.peers.size(), run::peer::kMostHosts - 1));
  std::vector<run::peer::Address> addresses;
  for (const std::string& peer : options.peers) {
    auto address = run::peer::parse_address(peer);
    if (!address) return failure("--peer: " + address.error().what, address.error().hint);
    addresses.push_back(std::move(*address));
  }
  std::vector<std::string> allowed;
  for (const std::string& text : options.allowed) {
    auto range = run::address_range(text);
    if (!range) return failure("--allow-address: " + range.error().what, range.error().hint);
    allowed.push_back(std::move(*range));
  }
  auto tokens = read_all_tokens(options);
  if (!tokens) return tl::unexpected(tokens.error());
  if (tokens->size() != addresses.size())
    return failure(
        fmt::format("{} peer{} given, and {} token{}", addresses.size(),
                    addresses.size() == 1 ? " is" : "s are", tokens->size(), tokens->size() == 1 ? "" : "s"),
        "one token a peer, in the same order: several files, or several in one");
  auto sessions = run::peer::open_sessions(addresses, *tokens);
  if (!sessions) return tl::unexpected(sessions.error());
  return std::make_unique<run::peer::Hub>(std::move(*sessions), std::move(allowed));
}

}  // namespace millrace::cli
