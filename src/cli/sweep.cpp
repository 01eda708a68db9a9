// SPDX-License-Identifier: Apache-2.0
#include "cli/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "units/quantity.hpp"

namespace millrace::cli {
namespace {

constexpr std::size_t kMostValues = 100;
constexpr std::uint64_t kStep = 4;  // a sweep from 8 bytes to 8 GiB has 16 values
constexpr const char* kHint = "for example --sweep size=64KiB..64MiB, size=8..1GiB*2 or type=half,float";

Result<std::vector<std::string>> range_of(const std::string& text, std::size_t dots) {
  const std::size_t star = text.find('*', dots);
  const auto from = parse_bytes(text.substr(0, dots));
  const auto to = parse_bytes(text.substr(dots + 2, star == std::string::npos ? star : star - dots - 2));
  const auto step =
      star == std::string::npos ? Result<std::uint64_t>(kStep) : parse_count(text.substr(star + 1));
  if (!from) return tl::unexpected(from.error());
  if (!to) return tl::unexpected(to.error());
  if (!step) return tl::unexpected(step.error());
  if (*step < 2 || from->value == 0 || from->value > to->value)
    return failure(fmt::format("'{}' goes from more to less, or not at all", text), kHint);
  std::vector<std::string> values;
  std::uint64_t value = from->value;
  for (; values.size() < kMostValues; value *= *step) {
    values.push_back(std::to_string(value));
    if (value > to->value / *step) break;
  }
  if (value != to->value) values.push_back(std::to_string(to->value));
  return values;
}

std::vector<std::string> list_of(const std::string& text) {
  std::vector<std::string> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    values.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

}  // namespace

Result<Sweep> read_sweep(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    return failure(fmt::format("--sweep: '{}' names no parameter with its values", text), kHint);
  const std::string values = text.substr(equals + 1);
  const std::size_t dots = values.find("..");
  Sweep sweep{text.substr(0, equals), {}};
  if (dots == std::string::npos) {
    sweep.values = list_of(values);
  } else {
    auto range = range_of(values, dots);
    if (!range) return failure(fmt::format("--sweep: {}", range.error().what), kHint);
    sweep.values = std::move(*range);
  }
  if (sweep.values.size() > kMostValues)
    return failure(fmt::format("--sweep: {} values are more than {}", sweep.values.size(), kMostValues),
                   "take larger steps");
  return sweep;
}

}  // namespace millrace::cli
