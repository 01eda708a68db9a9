// SPDX-License-Identifier: Apache-2.0
// What the readers of documents and journals share.
#pragma once

#include <string>
#include <string_view>

#include "record/result.hpp"
#include "units/result.hpp"

namespace millrace::record {

// Deeper nesting is refused: a document needs 9 levels.
inline constexpr int kMaxDepth = 64;

// Whether at least FileText::kPadding readable bytes follow the text (simdjson reads beyond the end in whole
// vectors); where they do not, the text is copied.
enum class Padding { kNone, kPresent };

// A field that is wrong: where, as JSON pointer (RFC 6901; "" is the whole document), and why.
struct Fault {
  std::string pointer;
  std::string reason;
};

Result<Document> parse_document(std::string_view json, Padding padding, std::string_view name);

}  // namespace millrace::record
