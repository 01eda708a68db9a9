// SPDX-License-Identifier: Apache-2.0
// A result document as text for a terminal. Pure functions: what they say is in the document, and colour and
// width are given. Every text ends with a newline or is empty.
#pragma once

#include <string>
#include <vector>

#include "record/result.hpp"

namespace millrace::report {

struct TextStyle {
  bool color = false;
  int width = 100;  // columns; sentences are wrapped to it, tables are not
};

// One measurement: rate with interval and limit, operations, latency, stages, flags, what the system counted
// meanwhile.
std::string measurement_text(const record::Document& document, const record::Measurement& measurement,
                             const TextStyle& style);

// The hosts, a line each; of those that took part as peers also how their clocks stood to this host's, in
// seconds, with the error.
std::string hosts_text(const record::Document& document, const TextStyle& style);

// Findings, the most severe first, each with its remedy; empty for none.
std::string findings_text(const std::vector<topology::Finding>& findings, const TextStyle& style);

// What failed or was skipped, with reason and way out; empty for none.
std::string troubles_text(const record::Document& document, const TextStyle& style);

// Model by model: a table of the hops, then for each accelerator the verdict, relief, and the pipeline's own
// measurement beside the prediction. From `kCompactFrom` diagnoses on, those that are fed take one line each.
// Notes that all share are said once, at the end.
inline constexpr std::size_t kCompactFrom = 7;
std::string diagnoses_text(const record::Document& document, const std::vector<record::Diagnosis>& diagnoses,
                           const TextStyle& style);

// How one diagnosis was reached: the lines of its explanation, part by part, each with its arithmetic and the
// measurements that it stands on.
std::string explain_text(const record::Document& document, const record::Diagnosis& diagnosis,
                         const TextStyle& style);

// What measurements that ran together did to each other: the share of its rate that each kept and what its
// 99th percentile grew by, as a matrix where more than two took part; empty where nothing ran together.
std::string interference_text(const record::Document& document, const TextStyle& style);

// What all measurements together say that each resource carries, and which of them cannot be told apart.
std::string capacities_text(const record::Document& document, const TextStyle& style);

// What links to other hosts carried with nothing beside it, a table for each host; empty for none.
std::string links_text(const record::Document& document, const TextStyle& style);

// All of it: host, findings, troubles, diagnoses, links, interference.
std::string document_text(const record::Document& document, const TextStyle& style);

}  // namespace millrace::report
