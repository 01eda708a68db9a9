// SPDX-License-Identifier: Apache-2.0
#include "report/pair_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "report/layout.hpp"

namespace millrace::report {
namespace {

constexpr std::size_t kLeastPairs = 4;
constexpr int kHost = -1;

struct Pair {
  int from = kHost, to = kHost;
  std::string_view unit;  // "_bytes_per_s" | "_access_s"
};

// "host" or "gpu12" at the beginning of the text, which it is taken off.
std::optional<int> take_end(std::string_view& text) {
  if (text.starts_with("host")) {
    text.remove_prefix(4);
    return kHost;
  }
  if (!text.starts_with("gpu")) return std::nullopt;
  int gpu = 0;
  const auto [rest, error] = std::from_chars(text.data() + 3, text.data() + text.size(), gpu);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return gpu;
}

std::optional<Pair> pair_in(std::string_view metric) {
  const auto from = take_end(metric);
  if (!from || !metric.starts_with("_to_")) return std::nullopt;
  metric.remove_prefix(4);
  const auto to = take_end(metric);
  if (!to || (metric != "_bytes_per_s" && metric != "_access_s")) return std::nullopt;
  return Pair{*from, *to, metric};
}

std::vector<std::pair<Pair, double>> pairs_of(const record::Measurement& m) {
  std::vector<std::pair<Pair, double>> pairs;
  for (const auto& [name, metric] : m.metrics)
    if (const auto pair = pair_in(name)) pairs.emplace_back(*pair, metric.p50);
  if (pairs.size() < kLeastPairs) pairs.clear();
  return pairs;
}

std::string name_of(int end) { return end == kHost ? "host" : fmt::format("gpu{}", end); }

}  // namespace

bool is_in_pair_matrix(const record::Measurement& m, std::string_view metric) {
  return pair_in(metric).has_value() && !pairs_of(m).empty();
}

std::string pair_matrix_text(const record::Measurement& m, const TextStyle& style) {
  const auto pairs = pairs_of(m);
  if (pairs.empty()) return {};
  std::map<std::pair<int, int>, double> cells;
  std::set<int> rows;
  std::set<int> columns_of;
  double largest = 0;
  for (const auto& [pair, value] : pairs) {
    cells[{pair.from, pair.to}] = value;
    rows.insert(pair.from);
    columns_of.insert(pair.to);
    largest = std::max(largest, value);
  }
  const bool rates = pairs.front().first.unit == "_bytes_per_s";
  const double unit = !rates ? 1e-9 : largest >= 1e9 ? 1e9 : 1e6;
  const char* unit_name = !rates ? "ns" : largest >= 1e9 ? "GB/s" : "MB/s";
  std::vector<std::string> head{fmt::format("{}, from", unit_name)};
  for (const int to : columns_of) head.push_back("to " + name_of(to));
  Table table(std::move(head));
  for (const int from : rows) {
    std::vector<std::string> row{name_of(from)};
    for (const int to : columns_of) {
      const auto cell = cells.find({from, to});
      row.push_back(cell == cells.end() ? "–" : fmt::format("{:.{}f}", cell->second / unit, rates ? 1 : 0));
    }
    table.add(std::move(row));
  }
  return table.text(4, style);
}

}  // namespace millrace::report
