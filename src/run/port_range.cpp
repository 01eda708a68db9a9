// SPDX-License-Identifier: Apache-2.0
#include "run/port_range.hpp"

#include <fmt/format.h>

#include <charconv>

namespace millrace::run {
namespace {

// 0: it is none.
std::uint16_t port_in(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() ? port : std::uint16_t{0};
}

}  // namespace

Result<PortRange> port_range(const std::string& text) {
  const std::size_t dash = text.find('-');
  PortRange range;
  range.first = port_in(text.substr(0, dash));
  range.last = dash == std::string::npos ? range.first : port_in(text.substr(dash + 1));
  if (range.first == 0 || range.last < range.first)
    return failure(fmt::format("'{}' is no range of ports", text), "for example 7500-7520, of 1 to 65535");
  return range;
}

}  // namespace millrace::run
