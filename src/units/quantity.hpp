// SPDX-License-Identifier: Apache-2.0
// Strong types for the quantities that Millrace handles, with the one parser and the one printer of each.
//
// Bytes are integers, time is nanoseconds, rates are bytes per second. People see SI prefixes for rates and
// sizes on the wire (GB = 10^9 bytes) and binary prefixes for block sizes and memory (GiB = 2^30), always
// spelled.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "units/result.hpp"

namespace millrace {

struct Bytes {
  std::uint64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
};

struct Duration {
  std::int64_t ns = 0;
  auto operator<=>(const Duration&) const = default;
  [[nodiscard]] double seconds() const { return static_cast<double>(ns) * 1e-9; }
  static Duration from_seconds(double s) {
    return {static_cast<std::int64_t>(s * 1e9 + (s < 0 ? -0.5 : 0.5))};
  }
};

struct BytesPerSecond {
  double value = 0;
  auto operator<=>(const BytesPerSecond&) const = default;
};

// "4096", "4KiB", "4k" (binary, as storage tools have it), "1.5 GiB", "2GB" (SI). Fractions must give whole
// bytes to within rounding. Fails, naming the text, on anything else, on negatives and on overflow.
Result<Bytes> parse_bytes(std::string_view text);
// "5s", "200us", "1.5ms", "2min", "1h", "250ns". A bare number is refused: the unit is part of the figure.
Result<Duration> parse_duration(std::string_view text);
// "40MB/s", "3.1 GB/s", "800MiB/s", "100Gb/s" or "100Gbit/s" (bits, divided by 8).
Result<BytesPerSecond> parse_rate(std::string_view text);
// A count with an optional SI suffix: "64", "10k", "1.5M".
Result<std::uint64_t> parse_count(std::string_view text);

// Three significant digits: "4 KiB", "1.5 MiB", "146 MB", "3.18 GB/s", "640 us", "1.24 s", "12.3 k".
std::string to_binary(Bytes bytes);
std::string to_si(Bytes bytes);
std::string to_text(Duration duration);
std::string to_text(BytesPerSecond rate);
std::string count_to_text(double count);

}  // namespace millrace
