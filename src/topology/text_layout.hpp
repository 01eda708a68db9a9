// SPDX-License-Identifier: Apache-2.0
// Text in columns for a terminal: widths count characters, not bytes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::topology {

std::size_t columns_of(const std::string& text);                // UTF-8 characters
std::string cut(const std::string& text, std::size_t columns);  // with "…" where something was left out

// Rows of cells in aligned columns, two blanks between them, no blanks at a line's end. The column `flexible`
// gives way where the table would be wider than `width`; the last column stands to the right.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t flexible, std::size_t width);

// Words in lines of at most `width` columns, every line after `indent` blanks.
std::string wrap(const std::string& text, std::size_t indent, std::size_t width);

}  // namespace millrace::topology
