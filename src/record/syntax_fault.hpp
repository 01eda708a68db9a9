// SPDX-License-Identifier: Apache-2.0
// Where and why text is not JSON, for a message. simdjson, which reads, refuses fast but does not say where;
// this second look is slower and is taken only at text that was refused.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::record {

struct SyntaxFault {
  std::size_t offset = 0;            // bytes before the fault
  std::size_t line = 1, column = 1;  // from 1; columns in bytes
  std::string reason;                // "unexpected end of input; the file was cut off"
};

// `fallback` is the reason given where this look finds nothing wrong; the position is then the beginning.
SyntaxFault find_syntax_fault(std::string_view json, int max_depth, std::string_view fallback);

}  // namespace millrace::record
