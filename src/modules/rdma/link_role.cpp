// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/link_role.hpp"

#include <fmt/format.h>

#include <charconv>

namespace millrace::rdma {
namespace {

bool take_number(std::string_view& text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string LinkRole::text() const {
  return fmt::format("{} {}.{}{}", initiator ? "initiator" : "responder", peer, lane, reversed ? "r" : "");
}

std::optional<LinkRole> LinkRole::parse(std::string_view text) {
  LinkRole role;
  if (!take(text, "initiator ")) {
    if (!take(text, "responder ")) return std::nullopt;
    role.initiator = false;
  }
  if (!take_number(text, role.peer) || !take(text, ".") || !take_number(text, role.lane)) return std::nullopt;
  role.reversed = take(text, "r");
  if (!text.empty()) return std::nullopt;
  return role;
}

}  // namespace millrace::rdma
