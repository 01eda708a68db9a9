// SPDX-License-Identifier: Apache-2.0
#include "units/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace millrace {
namespace {

__extension__ using Wide = unsigned __int128;  // holds any 64-bit figure times any prefix

constexpr const char* kBytesHint = "Write a size such as 4096, 4KiB, 1.5GiB (binary) or 2GB (10^9 bytes).";
constexpr const char* kDurationHint =
    "Write a time with its unit, such as 5s, 1.5ms, 200us, 250ns, 2min or 1h.";
constexpr const char* kRateHint = "Write a rate such as 40MB/s, 3.1GB/s, 800MiB/s or 100Gbit/s.";
constexpr const char* kCountHint = "Write a count such as 64, 10k or 1.5M.";

// A decimal number as written, digits * 10^exponent: kept exact, so that 0.1 of a prefix is what it says.
struct Decimal {
  Wide digits = 0;
  int exponent = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Takes "12", "1.5" or "1e9" off the front of the text; nothing where no number starts it, as for "nan" or
// "-1".
std::optional<Decimal> take_number(std::string_view& text) {
  Decimal number;
  bool any = false;
  bool fraction = false;
  std::size_t at = 0;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !fraction)); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    any = true;
    const auto digit = static_cast<unsigned>(text[at] - '0');
    // Past 30 digits only the size of the number still matters to any figure of 64 bits.
    constexpr Wide kFull = Wide{1'000'000'000'000'000ULL} * 1'000'000'000'000'000ULL;
    if (number.digits >= kFull) {
      number.exponent += fraction ? 0 : 1;
    } else {
      number.digits = number.digits * 10 + digit;
      number.exponent -= fraction ? 1 : 0;
    }
  }
  if (!any) return std::nullopt;
  // "1e9" is a power; the E of "1EB" is not, since no digit follows it.
  if (at + 1 < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const bool is_signed = text[at + 1] == '-' || text[at + 1] == '+';
    const std::size_t first = at + (is_signed ? 2 : 1);
    if (first < text.size() && is_digit(text[first])) {
      int power = 0;
      for (at = first; at < text.size() && is_digit(text[at]); ++at)
        if (power < 10'000) power = power * 10 + (text[at] - '0');
      number.exponent += text[first - 1] == '-' ? -power : power;
    }
  }
  text = trim(text.substr(at));
  while (number.exponent < 0 && number.digits % 10 == 0 && number.digits != 0) {
    number.digits /= 10;
    ++number.exponent;
  }
  return number;
}

enum class Fault { kOverflow, kNotWhole };

// number * factor, exactly, or to the nearest whole where rounding is allowed.
tl::expected<std::uint64_t, Fault> whole(Decimal number, std::uint64_t factor, bool may_round) {
  if (number.digits == 0) return 0;
  Wide value = 0;
  if (__builtin_mul_overflow(number.digits, Wide{factor}, &value)) return tl::unexpected(Fault::kOverflow);
  for (; number.exponent > 0; --number.exponent)
    if (__builtin_mul_overflow(value, Wide{10}, &value)) return tl::unexpected(Fault::kOverflow);
  Wide divisor = 1;
  for (; number.exponent < 0; ++number.exponent)
    if (__builtin_mul_overflow(divisor, Wide{10}, &divisor)) return tl::unexpected(Fault::kNotWhole);
  const Wide rest = value % divisor;
  value /= divisor;
  if (rest != 0 && !may_round) return tl::unexpected(Fault::kNotWhole);
  if (rest >= divisor - rest) ++value;
  if (value == 0) return tl::unexpected(Fault::kNotWhole);
  if (value > std::numeric_limits<std::uint64_t>::max()) return tl::unexpected(Fault::kOverflow);
  return static_cast<std::uint64_t>(value);
}

double approximate(const Decimal& number) {
  return static_cast<double>(static_cast<long double>(number.digits) *
                             std::pow(10.0L, static_cast<long double>(number.exponent)));
}

// Text from the user goes into a message: kept short and printable.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) out += c >= 0 && c < ' ' ? '?' : c;
  return text.size() > 60 ? out + "..." : out;
}

tl::unexpected<Error> not_a(std::string_view kind, std::string_view text, std::string_view why,
                            std::string_view hint) {
  return failure(fmt::format("'{}' is not a {}: {}", shown(text), kind, why), std::string(hint));
}

// Takes the number off the front, with the message where there is none.
Result<Decimal> number_of(std::string_view kind, std::string_view text, std::string_view& rest,
                          std::string_view hint) {
  rest = trim(text);
  if (rest.empty()) return not_a(kind, text, "it is empty", hint);
  if (rest.front() == '-') return not_a(kind, text, "it is negative", hint);
  const auto number = take_number(rest);
  if (!number) return not_a(kind, text, "it does not start with a number", hint);
  return *number;
}

tl::unexpected<Error> refused(Fault fault, std::string_view kind, std::string_view text,
                              std::string_view unit, std::string_view hint) {
  if (fault == Fault::kOverflow) return not_a(kind, text, "it is too large", hint);
  return not_a(kind, text, fmt::format("it is not a whole number of {}", unit), hint);
}

constexpr std::string_view kPrefixes = "kMGTPE";

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// The place of a prefix letter among k, M, G, T, P, E, counted from one; zero where it is none.
unsigned prefix_power(char c) {
  for (unsigned i = 0; i < kPrefixes.size(); ++i)
    if (upper(kPrefixes[i]) == upper(c)) return i + 1;
  return 0;
}

std::uint64_t power(std::uint64_t base, unsigned exponent) {
  std::uint64_t value = 1;
  while (exponent-- > 0) value *= base;
  return value;
}

// Takes "k", "G", "Mi" off the front of a unit. `bare_is_binary`: "4k" is 4096, as storage tools have it.
std::uint64_t take_prefix(std::string_view& unit, bool bare_is_binary) {
  if (unit.empty()) return 1;
  const unsigned exponent = prefix_power(unit.front());
  if (exponent == 0) return 1;
  const bool binary = unit.size() > 1 && (unit[1] == 'i' || unit[1] == 'I');
  unit.remove_prefix(binary && unit.size() > 1 ? 2 : 1);
  return power(binary || (unit.empty() && bare_is_binary) ? 1024 : 1000, exponent);
}

// Three significant digits without a trailing zero; a figure of four digits before the point keeps them all.
std::string digits3(double value) {
  const double size = std::fabs(value);
  if (!std::isfinite(value) || (size > 0 && size < 1e-3)) return fmt::format("{:.3g}", value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

// The largest unit in which the figure, as it will be rounded, is still at least one.
std::string scaled(double value, double base, std::span<const std::string_view> units) {
  std::size_t unit = 0;
  const double roll = base - 0.5;  // 999.5 would print as 1000: that is one of the next unit
  while (unit + 1 < units.size() && std::fabs(value) >= roll) {
    value /= base;
    ++unit;
  }
  return units[unit].empty() ? digits3(value) : digits3(value) + " " + std::string(units[unit]);
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  std::string_view unit;
  const auto number = number_of("size", text, unit, kBytesHint);
  if (!number) return tl::unexpected(number.error());
  if (unit.ends_with('b') && unit.find_first_of("iI") == std::string_view::npos)
    return not_a("size", text, "b is a bit, B is a byte", kBytesHint);
  std::string_view rest = unit;
  const std::uint64_t factor = take_prefix(rest, true);
  if (!rest.empty() && rest != "B" && rest != "b")
    return not_a("size", text, "its unit is unknown", kBytesHint);
  const auto value = whole(*number, factor, false);
  if (!value) return refused(value.error(), "size", text, "bytes", kBytesHint);
  return Bytes{*value};
}

Result<Duration> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t ns;
  };
  static constexpr std::array<Unit, 7> kUnits{{{"ns", 1},
                                               {"us", 1'000},
                                               {"\u00b5s", 1'000},
                                               {"ms", 1'000'000},
                                               {"s", 1'000'000'000},
                                               {"min", 60'000'000'000},
                                               {"h", 3'600'000'000'000}}};
  std::string_view unit;
  const auto number = number_of("time", text, unit, kDurationHint);
  if (!number) return tl::unexpected(number.error());
  if (unit.empty()) return not_a("time", text, "it has no unit", kDurationHint);
  for (const Unit& known : kUnits) {
    if (known.name != unit) continue;
    const auto ns = whole(*number, known.ns, true);
    if (!ns) return refused(ns.error(), "time", text, "nanoseconds", kDurationHint);
    if (*ns > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return refused(Fault::kOverflow, "time", text, "nanoseconds", kDurationHint);
    return Duration{static_cast<std::int64_t>(*ns)};
  }
  return not_a("time", text, "its unit is unknown", kDurationHint);
}

Result<BytesPerSecond> parse_rate(std::string_view text) {
  std::string_view unit;
  const auto number = number_of("rate", text, unit, kRateHint);
  if (!number) return tl::unexpected(number.error());
  std::string_view rest = unit;
  const auto factor = static_cast<double>(take_prefix(rest, false));
  const bool bits = rest == "b/s" || rest == "bit/s";
  if (!bits && rest != "B/s") {
    const bool unitless = unit.find('/') == std::string_view::npos;
    return not_a("rate", text, unitless ? "it is not per second" : "its unit is unknown", kRateHint);
  }
  const double value = approximate(*number) * factor / (bits ? 8.0 : 1.0);
  if (!std::isfinite(value)) return refused(Fault::kOverflow, "rate", text, "bytes", kRateHint);
  return BytesPerSecond{value};
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::string_view unit;
  const auto number = number_of("count", text, unit, kCountHint);
  if (!number) return tl::unexpected(number.error());
  const bool binary = unit.find_first_of("iI") != std::string_view::npos;
  const std::uint64_t factor = take_prefix(unit, false);
  if (!unit.empty() || binary) return not_a("count", text, "its suffix is unknown", kCountHint);
  const auto value = whole(*number, factor, false);
  if (!value) return refused(value.error(), "count", text, "things", kCountHint);
  return *value;
}

std::string to_binary(Bytes bytes) {
  static constexpr std::array<std::string_view, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  return scaled(static_cast<double>(bytes.value), 1024, kUnits);
}

std::string to_si(Bytes bytes) {
  static constexpr std::array<std::string_view, 7> kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  return scaled(static_cast<double>(bytes.value), 1000, kUnits);
}

std::string to_text(Duration duration) {
  static constexpr std::array<std::string_view, 4> kUnits{"ns", "us", "ms", "s"};
  const auto ns = static_cast<double>(duration.ns);
  // From here on the larger unit prints as at least one of it.
  if (std::fabs(ns) >= 59.97 * 60e9) return digits3(ns / 3600e9) + " h";
  if (std::fabs(ns) >= 59.97e9) return digits3(ns / 60e9) + " min";
  return scaled(ns, 1000, kUnits);
}

std::string to_text(BytesPerSecond rate) {
  static constexpr std::array<std::string_view, 7> kUnits{"B/s",  "kB/s", "MB/s", "GB/s",
                                                          "TB/s", "PB/s", "EB/s"};
  return scaled(rate.value, 1000, kUnits);
}

std::string count_to_text(double count) {
  static constexpr std::array<std::string_view, 7> kUnits{"", "k", "M", "G", "T", "P", "E"};
  return scaled(count, 1000, kUnits);
}

}  // namespace millrace
