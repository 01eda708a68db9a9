// SPDX-License-Identifier: Apache-2.0
// Result documents as files: one writer (nlohmann/json), one reader (simdjson).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "record/result.hpp"
#include "units/result.hpp"

namespace millrace::record {

// The document as JSON text, pretty-printed with keys in the schema's order, a final newline included.
std::string to_json(const Document& document);
// One measurement as one line of JSON without a newline: what the journal holds and a worker's parent writes.
std::string to_json_line(const Measurement& measurement);
// A topology as a document on its own: {"schema": "millrace.topology/1", hosts, topology, findings}.
std::string topology_to_json(const topology::Machine& machine,
                             const std::vector<topology::Finding>& findings);

// Reads a result document (or a topology document: measurements are then empty). Errors name the file, the
// position (byte offset, line and column; or the JSON pointer of a wrong field) and the reason, and never
// crash: malformed, truncated, over 4 GiB, nested deeper than 64, wrong schema version, wrong type, number
// out of range.
Result<Document> read_document(const std::filesystem::path& file);
Result<Document> parse_document(std::string_view json, std::string_view name);
Result<Measurement> parse_measurement(std::string_view json, std::string_view name);

// Writes by a temporary file in the same folder, fsync and rename, so that a reader never sees half a
// document.
// "-" is standard output. An unwritable target is an Error that names it.
Result<void> write_document(const Document& document, const std::filesystem::path& file);
Result<void> write_text(std::string_view text, const std::filesystem::path& file);
// Fails early: tells before measuring that the target cannot be written (missing folder, read-only, a
// folder).
Result<void> check_writable(const std::filesystem::path& file);

}  // namespace millrace::record
