// SPDX-License-Identifier: Apache-2.0
#include "run/peer/wire.hpp"

#include <bit>
#include <cmath>

namespace millrace::run::peer {

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

Writer& Writer::number(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  return number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

Writer& Writer::real(double value) {
  auto bits = std::bit_cast<std::uint64_t>(value);
  for (int i = 0; i < 8; ++i, bits >>= 8) bytes_.push_back(static_cast<char>(bits & 0xff));
  return *this;
}

Writer& Writer::text(std::string_view value) {
  number(value.size());
  bytes_.append(value);
  return *this;
}

bool Reader::refuse() {
  ok_ = false;
  rest_ = {};
  return false;
}

std::uint64_t Reader::number(std::uint64_t most) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (value <= most) return value;
      break;
    }
  }
  refuse();
  return 0;
}

std::int64_t Reader::integer() {
  const std::uint64_t zigzag = number();
  return static_cast<std::int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
}

double Reader::real() {
  if (rest_.size() < 8) {
    refuse();
    return 0;
  }
  std::uint64_t bits = 0;
  for (int i = 7; i >= 0; --i)
    bits = bits << 8 | static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]);
  rest_.remove_prefix(8);
  const auto value = std::bit_cast<double>(bits);
  if (!std::isfinite(value)) refuse();
  return ok_ ? value : 0;
}

std::string Reader::text(std::size_t most) {
  const std::size_t size = number(most);
  if (!ok_ || size > rest_.size()) {
    refuse();
    return {};
  }
  std::string value(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return value;
}

std::string Reader::words(std::size_t most) { return printable(text(most)); }

std::size_t Reader::count(std::size_t most, std::size_t least_size) {
  const std::size_t items = number(most);
  if (items <= rest_.size() / least_size) return items;
  refuse();
  return 0;
}

}  // namespace millrace::run::peer
