// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/gloo_failure.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace millrace::gloo {
namespace {

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Gloo begins with "[/its/source.cc:123] ".
std::string_view without_line(std::string_view text) {
  if (!text.starts_with('[')) return text;
  const std::size_t end = text.find("] ");
  return end == std::string_view::npos ? text : text.substr(end + 2);
}

bool timed_out(std::string_view text) { return holds(text, "Timed out") || holds(text, "timeout"); }

std::string way_out(std::string_view text) {
  if (timed_out(text))
    return "a rank is stopped, far slower, or cut off from the others; --timeout waits for longer";
  if (holds(text, "losed") || holds(text, "reset") || holds(text, "Broken pipe"))
    return "another rank ended: see what it says";
  if (holds(text, "Unable to find") || holds(text, "bind"))
    return "give an address of this machine: `ip address` lists them";
  if (holds(text, "refused") || holds(text, "unreachable") || holds(text, "No route"))
    return "a firewall or a wrong address: let TCP through between the hosts, and see --address";
  if (holds(text, "Too many open files"))
    return "raise the limit of open files (ulimit -n), or give fewer --ranks";
  return {};
}

}  // namespace

Error gloo_error(const std::exception& thrown, const std::string& doing) {
  std::string text(without_line(thrown.what()));
  while (!text.empty() && (text.back() == '.' || text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return {fmt::format("{}: {}", doing, text), way_out(text), Exit::kUsage};
}

bool is_a_consequence(const std::exception& thrown) { return !holds(thrown.what(), "Timed out"); }

}  // namespace millrace::gloo
