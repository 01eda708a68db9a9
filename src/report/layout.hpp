// SPDX-License-Identifier: Apache-2.0
// Aligned tables, wrapped sentences and colour.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/terminal.hpp"

namespace millrace::report {

enum class Tone { kPlain, kGood, kBad, kDoubtful, kStrong, kFaint };

// The text in ANSI colour where the style has colour, else as it is.
std::string toned(std::string_view text, Tone tone, const TextStyle& style);

// Columns on a terminal: code points of UTF-8, colour codes left out.
std::size_t columns(std::string_view text);

// Words folded to the style's width, every line but the first behind `indent` blanks; `first` stands before
// the first (it counts, and its place is not repeated). Ends with a newline.
std::string wrapped(std::string_view first, std::string_view text, std::size_t indent,
                    const TextStyle& style);

// Columns as wide as their widest cell, two blanks apart; the first column to the left, the others to the
// right. The first row is the head. No blanks at the ends of lines.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text(std::size_t indent, const TextStyle& style) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace millrace::report
