// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "units/quantity.hpp"
#include "workload/explain.hpp"

namespace millrace::workload {
namespace {

constexpr std::size_t kTextWidth = 110, kKeyColumn = 12;

// Columns that a UTF-8 text takes: bytes that begin a character.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Lines::Lines(const Profile& profile)
    : out_(fmt::format("{}{}{}\n", profile.name, profile.description.empty() ? "" : ": ",
                       profile.description)) {}

void Lines::add(std::string_view key, std::string_view text) {
  std::string line = fmt::format("  {:<9} ", key);
  std::size_t used = kKeyColumn;
  bool first = true;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!first && used + 1 + columns(word) > kTextWidth) {
      out_ += line + "\n";
      line = std::string(kKeyColumn, ' ');
      used = kKeyColumn;
      first = true;
    }
    line += fmt::format("{}{}", first ? "" : " ", word);
    used += columns(word) + (first ? 0 : 1);
    first = false;
  }
  out_ += line + "\n";
}

void Lines::sources(const Profile& profile, const std::vector<std::string>& more) {
  add("sources", profile.source.empty() ? "the user's own profile" : profile.source);
  for (const std::string& source : more)
    if (!source.empty()) add("", source);
  if (!profile.figures.source.empty()) add("", profile.figures.source);
}

std::string figure(double value) {
  if (std::abs(value) < 1e4) return fmt::format("{:.4g}", value);
  const int thousands = static_cast<int>(std::floor(std::log10(std::abs(value)) / 3));
  return fmt::format("{:.4g}e{}", value / std::pow(1000.0, thousands), 3 * thousands);
}

std::string grouped(double whole) {
  std::string digits = fmt::format("{:.0f}", whole);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string bytes_text(double bytes) { return to_si(Bytes{static_cast<std::uint64_t>(std::llround(bytes))}); }
std::string rate_text(double bytes_per_s) { return to_text(BytesPerSecond{bytes_per_s}); }
std::string time_text(double seconds) {
  if (seconds < 1) return to_text(Duration::from_seconds(seconds));
  if (seconds < 1000) return fmt::format("{:.4g} s", seconds);
  const std::string whole = grouped(std::round(seconds)) + " s";
  if (seconds < 7200) return fmt::format("{} ({:.3g} min)", whole, seconds / 60);
  if (seconds < 172'800) return fmt::format("{} ({:.3g} h)", whole, seconds / 3600);
  return fmt::format("{} ({:.3g} days)", whole, seconds / 86400);
}
std::string share_text(double share) { return fmt::format("{:.2g} %", share * 100); }

}  // namespace millrace::workload
