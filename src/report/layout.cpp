// SPDX-License-Identifier: Apache-2.0
#include "report/layout.hpp"

#include <algorithm>

namespace millrace::report {

std::string toned(std::string_view text, Tone tone, const TextStyle& style) {
  if (!style.color || tone == Tone::kPlain) return std::string(text);
  const char* code = tone == Tone::kGood       ? "32"
                     : tone == Tone::kBad      ? "31;1"
                     : tone == Tone::kDoubtful ? "33"
                     : tone == Tone::kStrong   ? "1"
                                               : "2";
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) ++count;  // not a continuation byte
  }
  return count;
}

std::string wrapped(std::string_view first, std::string_view text, std::size_t indent,
                    const TextStyle& style) {
  const std::size_t width = static_cast<std::size_t>(std::max(style.width, 40));
  std::string out(first);
  std::size_t at = columns(first);
  bool line_empty = true;
  std::size_t begin = 0;
  while (begin < text.size()) {
    auto end = text.find(' ', begin);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const std::size_t length = columns(word);
    if (!line_empty && at + 1 + length > width) {
      out += "\n" + std::string(indent, ' ');
      at = indent;
      line_empty = true;
    }
    if (!line_empty) out += ' ', ++at;
    out += word;
    at += length;
    line_empty = false;
  }
  return out + "\n";
}

std::string Table::text(std::size_t indent, const TextStyle& style) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], columns(row[i]));
    }
  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < rows_[r].size(); ++i) {
      const std::string pad(widths[i] - columns(rows_[r][i]), ' ');
      if (i > 0) line += "  ";
      line += i == 0 ? rows_[r][i] + pad : pad + rows_[r][i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (r == 0 ? toned(line, Tone::kFaint, style) : line) + "\n";
  }
  return out;
}

}  // namespace millrace::report
