// SPDX-License-Identifier: Apache-2.0
#include "report/figures.hpp"

#include <fmt/core.h>

#include <cctype>

#include "units/quantity.hpp"

namespace millrace::report {

std::string rate(double bytes_per_s) { return to_text(BytesPerSecond{bytes_per_s}); }

std::string rate(std::optional<double> bytes_per_s) { return bytes_per_s ? rate(*bytes_per_s) : "unknown"; }

namespace {

// "1.03–1.07 GB/s" where both have one unit, else "980 MB/s – 1.02 GB/s".
std::string join_span(const std::string& from, const std::string& to) {
  if (from == to) return to;
  const auto unit = [](const std::string& text) {
    const auto blank = text.find(' ');
    return blank == std::string::npos ? std::string() : text.substr(blank);
  };
  if (unit(from) != unit(to)) return fmt::format("{} – {}", from, to);
  return fmt::format("{}–{}", from.substr(0, from.size() - unit(from).size()), to);
}

}  // namespace

std::string span(double low, double high) { return join_span(rate(low), rate(high)); }

std::string span_of_frequencies(double low, double high) {
  return join_span(count_to_text(low) + "/s", count_to_text(high) + "/s");
}

std::string span_of_shares(double low, double high) { return join_span(percent(low), percent(high)); }

std::string percent(double share) {
  if (share >= 9.995) return ">999 %";
  if (share >= 0.995 && share < 0.9995) return "99 %";
  if (share > 0 && share < 0.095) return fmt::format("{:.1f} %", share * 100);
  return fmt::format("{:.0f} %", share * 100);
}

std::string points(double share) { return fmt::format("{:+.1f} points", share * 100); }

std::string seconds(double s) { return to_text(Duration::from_seconds(s)); }

std::string factor(double times) {
  if (times < 2) return fmt::format("{:.2f} ×", times);
  return times < 10 ? fmt::format("{:.1f} ×", times) : fmt::format("{:.0f} ×", times);
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace millrace::report
