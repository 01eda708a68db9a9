// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "report/figures.hpp"
#include "report/layout.hpp"
#include "report/terminal.hpp"

namespace millrace::report {
namespace {

using record::Interference;
using record::Measurement;

// One and the same whoever it ran beside: "storage.read unet3d", with where it began where that is needed.
class TrafficNames {
 public:
  explicit TrafficNames(const record::Document& document) {
    for (const Measurement& m : document.measurements) {
      by_id_.emplace(m.id, &m);
      const auto [at, fresh] = from_.emplace(short_name(m), m.from);
      if (!fresh && at->second != m.from) at->second = kSeveral;
    }
  }
  [[nodiscard]] const Measurement* find(const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  [[nodiscard]] std::string name(const Measurement& m) const {
    const std::string name = short_name(m);
    return from_.at(name) == kSeveral && !m.from.empty() ? name + " " + m.from : name;
  }

 private:
  static constexpr const char* kSeveral = "\n";
  static std::string short_name(const Measurement& m) {
    return m.label.empty() ? m.probe : m.probe + " " + m.label;
  }
  std::map<std::string, const Measurement*> by_id_;
  std::map<std::string, std::string> from_;  // where all of that name begin
};

// "87 %, p99 +1.2 ms"; "!" marks what more than these two did.
std::string cell(const Interference& pair, bool beside_more) {
  std::string text = std::isfinite(pair.throughput_kept) ? percent(pair.throughput_kept) : "unknown";
  if (pair.p99_added_s)
    text +=
        fmt::format(", p99 {}{}", *pair.p99_added_s < 0 ? "−" : "+", seconds(std::fabs(*pair.p99_added_s)));
  return beside_more ? text + " *" : text;
}

struct Matrix {
  std::vector<std::string> names;  // rows and columns
  std::map<std::pair<std::string, std::string>, std::string> cells;
  std::map<std::pair<std::string, std::string>, double> kept;
  bool beside_more = false;
};

constexpr std::size_t kMostColumns = 12, kMostLines = 8;

Matrix matrix_of(const record::Document& document) {
  Matrix matrix;
  std::map<std::pair<std::string, std::string>, bool> of_two;
  const TrafficNames traffic(document);
  const auto know = [&](const std::string& name) {
    if (std::find(matrix.names.begin(), matrix.names.end(), name) == matrix.names.end())
      matrix.names.push_back(name);
  };
  for (const Interference& pair : document.interference) {
    const Measurement* victim = traffic.find(pair.victim);
    const Measurement* aggressor = traffic.find(pair.aggressor);
    if (victim == nullptr || aggressor == nullptr) continue;
    const std::pair key{traffic.name(*victim), traffic.name(*aggressor)};
    know(key.first);
    know(key.second);
    const bool two = victim->concurrent_with.size() == 1;
    // What just the two did to each other goes before what a crowd did.
    if (matrix.cells.contains(key) && (of_two[key] || !two)) continue;
    matrix.cells[key] = cell(pair, !two);
    matrix.kept[key] = pair.throughput_kept;
    of_two[key] = two;
  }
  matrix.beside_more =
      std::any_of(of_two.begin(), of_two.end(), [](const auto& entry) { return !entry.second; });
  return matrix;
}

// Of more than a table holds, those that lost most.
std::string as_worst(const Matrix& matrix, const TextStyle& style) {
  std::vector<std::pair<double, std::pair<std::string, std::string>>> worst;
  for (const auto& [key, kept] : matrix.kept)
    if (std::isfinite(kept)) worst.emplace_back(kept, key);
  std::sort(worst.begin(), worst.end());
  if (worst.size() > kMostLines) worst.resize(kMostLines);
  std::string out =
      fmt::format("  {} ran together, all in the document under \"interference\"; what kept least:\n",
                  matrix.names.size());
  for (const auto& [kept, key] : worst)
    out += wrapped("  ", fmt::format("{} beside {} keeps {}", key.first, key.second, matrix.cells.at(key)), 4,
                   style);
  return out;
}

std::string as_table(const Matrix& matrix, const TextStyle& style) {
  std::vector<std::string> head{"keeps of its rate alone"};
  for (std::size_t i = 0; i < matrix.names.size(); ++i) head.push_back(fmt::format("beside {}", i + 1));
  Table table(head);
  for (std::size_t i = 0; i < matrix.names.size(); ++i) {
    std::vector<std::string> row{fmt::format("{} {}", i + 1, matrix.names[i])};
    for (const std::string& aggressor : matrix.names) {
      const auto found = matrix.cells.find({matrix.names[i], aggressor});
      row.push_back(found == matrix.cells.end() ? "–" : found->second);
    }
    table.add(std::move(row));
  }
  return table.text(2, style);
}

}  // namespace

std::string interference_text(const record::Document& document, const TextStyle& style) {
  const Matrix matrix = matrix_of(document);
  if (matrix.cells.empty()) return {};
  std::string out = toned("Together", Tone::kStrong, style) + "\n";
  if (matrix.names.size() > kMostColumns) {
    out += as_worst(matrix, style);
  } else if (matrix.names.size() > 2) {
    out += as_table(matrix, style);
  } else {
    for (const auto& [pair, said] : matrix.cells)
      out += wrapped("  ", fmt::format("{} beside {} keeps {}", pair.first, pair.second, said), 4, style);
  }
  if (matrix.beside_more) out += "  * beside others as well\n";
  return out;
}

std::string capacities_text(const record::Document& document, const TextStyle& style) {
  if (document.capacities.empty()) return {};
  Table table({"resource", "operation", "carried", "95 % in", "limit", "seen", "from"});
  std::string splits;
  for (const record::SharedCapacity& one : document.capacities) {
    table.add({fmt::format("{}", fmt::join(one.resources, " + ")), one.operation,
               rate(one.carried_bytes_per_s),
               one.carried_low && one.carried_high ? span(*one.carried_low, *one.carried_high) : "–",
               rate(one.limit_bytes_per_s), one.saturated ? "full" : "at least",
               fmt::format("{}", fmt::join(one.evidence, " + "))});
    if (one.resources.size() < 2) continue;
    splits += wrapped(
        "  - ",
        fmt::format("{} cannot be told apart: {}", fmt::join(one.resources, " and "),
                    one.split_by.empty() ? "whatever is measured between endpoints crosses all of them"
                                         : fmt::format("a measurement {} would split them", one.split_by)),
        4, style);
  }
  return toned("What resources carry", Tone::kStrong, style) + "\n" + table.text(2, style) + splits;
}

}  // namespace millrace::report
