// SPDX-License-Identifier: Apache-2.0
// The bodies of messages between hosts: numbers as LEB128 varints (signed ones zig-zagged first), reals as
// eight bytes of IEEE 754, text by its length. Little-endian, so that hosts of any kind agree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::run::peer {

// With spaces in place of control characters.
std::string printable(std::string text);

class Writer {
 public:
  Writer& number(std::uint64_t value);
  Writer& integer(std::int64_t value);
  Writer& real(double value);
  Writer& text(std::string_view value);
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads what another host sent, which may be anything: once something is missing or beyond its bound, ok()
// is false and all that follows reads as 0 or "". Nothing is allocated beyond what was received.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}  // they outlive it
  std::uint64_t number(std::uint64_t most = UINT64_MAX);
  std::int64_t integer();
  double real();  // finite
  std::string text(std::size_t most = 4096);
  // The same, fit for a terminal: what would steer it is replaced.
  std::string words(std::size_t most);
  // How many items follow, each of `least_size` bytes or more: more than can be there is refused.
  std::size_t count(std::size_t most, std::size_t least_size = 1);
  [[nodiscard]] bool ok() const { return ok_; }
  // All was there, and nothing is left.
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  bool refuse();
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace millrace::run::peer
