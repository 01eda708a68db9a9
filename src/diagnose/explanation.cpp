// SPDX-License-Identifier: Apache-2.0
#include "diagnose/explanation.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

namespace millrace::diagnose {
namespace {

struct Prefix {
  double factor = 1;
  const char* name = "";
};
constexpr Prefix kLargePrefixes[] = {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
constexpr Prefix kSmallPrefixes[] = {{1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"}};

constexpr int kTermDigits = 6, kResultDigits = 4;

bool is_bytes(const Figure& figure) {
  return figure.unit == Unit::kBytes || figure.unit == Unit::kBytesPerSecond;
}

Prefix prefix_for(double value, const Prefix* begin, const Prefix* end) {
  const double size = std::abs(value);
  for (const Prefix* prefix = begin; prefix != end; ++prefix)
    if (size >= prefix->factor) return *prefix;
  return *(end - 1);
}

struct Scale {
  Prefix large, small;
};

// One prefix for all bytes and rates of a line, one for all its times: those of the result where it has one.
Scale scale_of(const std::vector<const Figure*>& figures) {
  double most_bytes = 0;
  double most_seconds = 0;
  for (const Figure* figure : figures) {
    if (is_bytes(*figure)) most_bytes = std::max(most_bytes, std::abs(figure->value));
    if (figure->unit == Unit::kSeconds) most_seconds = std::max(most_seconds, std::abs(figure->value));
  }
  const Figure& result = *figures.back();
  Scale scale;
  scale.large = prefix_for(is_bytes(result) && result.value != 0 ? result.value : most_bytes,
                           std::begin(kLargePrefixes), std::end(kLargePrefixes));
  if (most_bytes == 0)
    scale.small = prefix_for(result.unit == Unit::kSeconds && result.value != 0 ? result.value : most_seconds,
                             std::begin(kSmallPrefixes), std::end(kSmallPrefixes));
  return scale;
}

// Without an exponent, without zeros at the end.
std::string digits_of(double value, int significant) {
  if (value == 0) return "0";
  if (!std::isfinite(value)) return "unknown";
  const int before = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  std::string text = fmt::format("{:.{}f}", value, std::clamp(significant - before, 0, 15));
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// "1.05", or "(1.04 + 1.06)" of a sum that is written out; in units of `factor`.
std::string number_of(const Figure& figure, double factor, int significant) {
  if (figure.parts.size() < 2) return digits_of(figure.value / factor, significant);
  std::string all;
  for (const double part : figure.parts)
    all += (all.empty() ? "" : " + ") + digits_of(part / factor, significant);
  return "(" + all + ")";
}

std::string text_of(const Figure& figure, const Scale& scale, int significant) {
  switch (figure.unit) {
    case Unit::kBytes:
      return fmt::format("{} {}B", digits_of(figure.value / scale.large.factor, significant),
                         scale.large.name);
    case Unit::kBytesPerSecond:
      return fmt::format("{} {}B/s", number_of(figure, scale.large.factor, significant), scale.large.name);
    case Unit::kSeconds:
      return fmt::format("{} {}s", digits_of(figure.value / scale.small.factor, significant),
                         scale.small.name);
    case Unit::kPercent:
      return fmt::format("{} %", digits_of(figure.value * 100, significant));
    case Unit::kNone:
      break;
  }
  const std::string number = number_of(figure, 1, significant);
  return figure.of.empty() ? number : fmt::format("{} {}", number, figure.of);
}

// A printed number with its unit: what it stands for, and by how much that may be off.
struct Read {
  double value = 0, off = 0;
};

// `significant`: with how many digits such numbers are printed, zeros at the end left out.
std::optional<Read> read_number(std::string_view& text, int significant) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  Read read;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), read.value);
  if (error != std::errc()) return std::nullopt;
  const std::string_view number = text.substr(0, static_cast<std::size_t>(rest - text.data()));
  const auto point = number.find('.');
  // A whole number of few digits is a count, and exact; one of many may have been rounded to its digits. What
  // stands on the right is never exact: 767.98 with four digits is 768.
  const bool whole = point == std::string_view::npos && number.size() < 4;
  const double places = point == std::string_view::npos ? 0 : static_cast<double>(number.size() - point - 1);
  const double by_digits = 5 * std::pow(10, -significant) * std::abs(read.value);
  read.off = std::min(0.5 * std::pow(10, -places), by_digits);
  if (whole)
    read.off = significant > kResultDigits
                   ? 0
                   : 0.5 * std::pow(10, static_cast<double>(number.size()) - significant);
  text.remove_prefix(number.size());
  return read;
}

// What a unit's name stands for: 1e9 for "GB/s", 0.01 for "%", 1 for what is only counted.
double factor_of(std::string_view unit) {
  if (unit == "%") return 0.01;
  for (const std::string_view ending : {"B/s", "B", "s"}) {
    if (!unit.ends_with(ending)) continue;
    const std::string_view prefix = unit.substr(0, unit.size() - ending.size());
    for (const Prefix& one : kLargePrefixes)
      if (prefix == one.name) return one.factor;
    for (const Prefix& one : kSmallPrefixes)
      if (prefix == one.name) return one.factor;
  }
  return 1;
}

// "1.05 GB/s", or "(1.04 + 1.06) GB/s". `significant`: with how many digits such numbers are printed, zeros
// at the end left out.
std::optional<Read> read_figure(std::string_view text, int significant) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const bool several = text.starts_with('(');
  Read all;
  do {
    if (several) text.remove_prefix(1);  // the bracket, or the plus
    const auto one = read_number(text, significant);
    if (!one) return std::nullopt;
    all = {all.value + one->value, all.off + one->off};
    while (text.starts_with(' ')) text.remove_prefix(1);
  } while (several && text.starts_with('+'));
  if (several && text.starts_with(')')) text.remove_prefix(1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  const double factor = factor_of(text);
  return Read{all.value * factor, all.off * factor};
}

// The value of "a × b ÷ c + d", with the error that rounding each number may cause.
std::optional<Read> evaluate(std::string_view text, int significant) {
  constexpr std::string_view kSigns[] = {" × ", " ÷ ", " + ", " − "};
  Read sum{0, 0};
  Read product{1, 0};
  double sign = 1;
  std::size_t pending = 0;  // the sign before the next figure: × to begin with
  for (;;) {
    std::size_t at = std::string_view::npos;
    std::size_t next = 0;
    const std::size_t from = text.starts_with('(') ? std::min(text.find(')'), text.size()) : 0;
    for (std::size_t i = 0; i < std::size(kSigns); ++i)
      if (const auto found = text.find(kSigns[i], from); found < at) at = found, next = i;
    const auto figure = read_figure(text.substr(0, at), significant);
    if (!figure) return std::nullopt;
    if (pending > 1) {
      sum.value += sign * product.value, sum.off += product.off;
      product = *figure;
      sign = pending == 2 ? 1 : -1;
    } else {
      if (pending == 1 && figure->value == 0) return std::nullopt;
      const double by = pending == 0 ? figure->value : 1 / figure->value;
      const double relative = figure->value == 0 ? 0 : figure->off / std::abs(figure->value);
      product.off = std::abs(product.off * by) + std::abs(product.value * by) * relative;
      product.value *= by;
    }
    if (at == std::string_view::npos) break;
    pending = next;
    text.remove_prefix(at + kSigns[next].size());
  }
  return Read{sum.value + sign * product.value, sum.off + product.off};
}

}  // namespace

namespace figure {
Figure count(double value, std::string of) { return {value, Unit::kNone, std::move(of), {}}; }
Figure bytes(double value) { return {value, Unit::kBytes}; }
Figure seconds(double value) { return {value, Unit::kSeconds}; }
Figure rate(double bytes_per_s) { return {bytes_per_s, Unit::kBytesPerSecond}; }
Figure sum_of_rates(std::vector<double> bytes_per_s) {
  const double sum = std::accumulate(bytes_per_s.begin(), bytes_per_s.end(), 0.0);
  return {sum, Unit::kBytesPerSecond, {}, std::move(bytes_per_s)};
}
Figure sum_of_counts(std::vector<double> values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {sum, Unit::kNone, {}, std::move(values)};
}
Figure percent(double share) { return {share, Unit::kPercent}; }
}  // namespace figure

Sum::Sum(Figure first) { terms_.push_back({"", std::move(first)}); }

Sum& Sum::times(Figure next) {
  terms_.push_back({" × ", std::move(next)});
  return *this;
}
Sum& Sum::over(Figure next) {
  terms_.push_back({" ÷ ", std::move(next)});
  return *this;
}
Sum& Sum::plus(Figure next) {
  terms_.push_back({" + ", std::move(next)});
  return *this;
}
Sum& Sum::minus(Figure next) {
  terms_.push_back({" − ", std::move(next)});
  return *this;
}

std::string Sum::equals(const Figure& result) const {
  std::vector<const Figure*> figures;
  for (const Term& term : terms_) figures.push_back(&term.figure);
  figures.push_back(&result);
  const Scale scale = scale_of(figures);
  std::string text;
  for (const Term& term : terms_) text += term.sign + text_of(term.figure, scale, kTermDigits);
  return text + " = " + text_of(result, scale, kResultDigits);
}

std::string Sum::compare(const Figure& a, const Figure& b) {
  const Scale scale = scale_of({&a, &b});
  const std::string left = text_of(a, scale, kResultDigits);
  const std::string right = text_of(b, scale, kResultDigits);
  return fmt::format("{} {} {}", left, left == right ? "=" : a.value < b.value ? "<" : ">", right);
}

bool Checked::holds() const {
  if (relation == '<') return left < right + tolerance;
  if (relation == '>') return left > right - tolerance;
  return std::abs(left - right) <= tolerance;
}

std::optional<Checked> check(const std::string& arithmetic) {
  for (const char relation : {'=', '<', '>'}) {
    const std::string sign{' ', relation, ' '};
    const auto at = arithmetic.find(sign);
    if (at == std::string::npos) continue;
    const int of_left = relation == '=' ? kTermDigits : kResultDigits;
    const auto left = evaluate(std::string_view(arithmetic).substr(0, at), of_left);
    const auto right = evaluate(std::string_view(arithmetic).substr(at + sign.size()), kResultDigits);
    if (!left || !right) return std::nullopt;
    const double slack = 1e-9 * std::max(std::abs(left->value), std::abs(right->value));
    return Checked{left->value, right->value, left->off + right->off + slack, relation};
  }
  return std::nullopt;
}

}  // namespace millrace::diagnose
