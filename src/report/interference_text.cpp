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

const Measurement* find_by_id(const record::Document& document, const std::string& id) {
  const auto found = std::find_if(document.measurements.begin(), document.measurements.end(),
                                  [&](const Measurement& m) { return m.id == id; });
  return found == document.measurements.end() ? nullptr : &*found;
}

// One and the same whoever it ran beside: "storage.read unet3d", with where it began where that is needed.
std::string name_of_traffic(const record::Document& document, const Measurement& m) {
  std::string name = m.label.empty() ? m.probe : m.probe + " " + m.label;
  const bool ambiguous =
      std::any_of(document.measurements.begin(), document.measurements.end(), [&](const Measurement& other) {
        return other.probe == m.probe && other.label == m.label && other.from != m.from;
      });
  return ambiguous && !m.from.empty() ? name + " " + m.from : name;
}

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
  bool beside_more = false;
};

Matrix matrix_of(const record::Document& document) {
  Matrix matrix;
  std::map<std::pair<std::string, std::string>, bool> of_two;
  const auto know = [&](const std::string& name) {
    if (std::find(matrix.names.begin(), matrix.names.end(), name) == matrix.names.end())
      matrix.names.push_back(name);
  };
  for (const Interference& pair : document.interference) {
    const Measurement* victim = find_by_id(document, pair.victim);
    const Measurement* aggressor = find_by_id(document, pair.aggressor);
    if (victim == nullptr || aggressor == nullptr) continue;
    const std::pair key{name_of_traffic(document, *victim), name_of_traffic(document, *aggressor)};
    know(key.first);
    know(key.second);
    const bool two = victim->concurrent_with.size() == 1;
    // What just the two did to each other goes before what a crowd did.
    if (matrix.cells.contains(key) && (of_two[key] || !two)) continue;
    matrix.cells[key] = cell(pair, !two);
    of_two[key] = two;
  }
  matrix.beside_more =
      std::any_of(of_two.begin(), of_two.end(), [](const auto& entry) { return !entry.second; });
  return matrix;
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
  if (matrix.names.size() > 2) {
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
