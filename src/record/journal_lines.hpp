// SPDX-License-Identifier: Apache-2.0
// The lines of a journal as JSON text, each without its newline. Line 1 is the header, recognised by its
// "schema"; every other line is an object with one key: "measurement", "temporary" (a path; "temporary_hex"
// where the path is not UTF-8, which JSON cannot hold) or "end".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "record/journal.hpp"
#include "record/read_json.hpp"

namespace millrace::record {

std::string header_line(const JournalHeader& header);
std::string measurement_line(const Measurement& measurement);
std::string temporary_line(const std::filesystem::path& path);
std::string end_line();

struct JournalLine {  // exactly one of them
  std::optional<Measurement> measurement;
  std::optional<std::filesystem::path> temporary;
  bool end = false;
};

// `name` is the file and the line, as an error names them.
Result<JournalHeader> parse_header_line(std::string_view json, Padding padding, std::string_view name);
Result<JournalLine> parse_journal_line(std::string_view json, Padding padding, std::string_view name);

}  // namespace millrace::record
