// SPDX-License-Identifier: Apache-2.0
// Result documents as text for a terminal. Pure: a document in, text out.
#pragma once

#include <string>
#include <vector>

#include "record/result.hpp"

namespace millrace::report {

struct TextStyle {
  bool color = false;
  int width = 100;  // columns
};

// For each workload the hops of its feed path, the verdict, the relief, prediction beside measurement; then what failed or
// was skipped, and what stood in for what. Ends with a newline.
std::string document_text(const record::Document& document, const TextStyle& style);

// One measurement: rate and interval beside its limit, operations, latency, stages, flags, counters worth seeing; or why
// there is none.
std::string measurement_text(const record::Document& document, const record::Measurement& measurement,
                             const TextStyle& style);

// Findings, the worst first, each with its remedy.
std::string findings_text(const std::vector<topology::Finding>& findings, const TextStyle& style);

}  // namespace millrace::report
