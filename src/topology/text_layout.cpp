// SPDX-License-Identifier: Apache-2.0
#include "topology/text_layout.hpp"

#include <algorithm>
#include <sstream>

namespace millrace::topology {
namespace {

constexpr std::size_t kLeastFlexible = 16;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

}  // namespace

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  std::string kept;
  std::size_t count = 0;
  for (const char c : text) {
    if (starts_character(c) && ++count >= columns) break;
    kept += c;
  }
  return kept + "…";
}

std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t flexible,
                  std::size_t width) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      if (row.size() > 1) widths[i] = std::max(widths[i], columns_of(row[i]));  // a lone cell is a heading
  }
  std::size_t total = widths.empty() ? 0 : 2 * (widths.size() - 1);
  for (const std::size_t w : widths) total += w;
  if (total > width && flexible < widths.size())
    widths[flexible] -=
        std::min(total - width, widths[flexible] - std::min(widths[flexible], kLeastFlexible));
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = row.size() > 1 ? cut(row[i], widths[i]) : row[i];
      const std::string fill(row.size() > 1 ? widths[i] - columns_of(cell) : 0, ' ');
      const bool to_the_right = i + 1 == widths.size() && row.size() > 1;
      if (i > 0) line += "  ";
      line += to_the_right ? fill + cell : cell + fill;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string wrap(const std::string& text, std::size_t indent, std::size_t width) {
  const std::string margin(indent, ' ');
  std::string all;
  std::string line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + columns_of(line) + 1 + columns_of(word) > width) {
      all += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return all + margin + line + "\n";
}

}  // namespace millrace::topology
