// SPDX-License-Identifier: Apache-2.0
// What was planted beside what was found, and how far the predictions lie from the pipelines' own runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

// What a case expects of the diagnosis.
struct Expected {
  std::string verdict;             // "starved" | "fed"
  std::vector<std::string> kinds;  // of bottlenecks; the first is to be named as binding, those after it as
                                   // what binds next; empty: no hop may be named at all
  std::vector<std::string> or_named = {};  // kinds by which the first may go as well
};

struct Row {
  std::string name, planted;
  std::string found;                          // "storage, next cpu", "nothing"
  std::optional<double> predicted, measured;  // utilization of exactly the pipeline's own run
  bool right = false;
  std::string skipped;  // why the machine does not let it be planted; then nothing else holds
  std::string why;      // why it is not right
  [[nodiscard]] double residual() const { return predicted && measured ? *predicted - *measured : 0; }
};

// Fills found, predicted, measured, right and why from what a run diagnosed.
void score(const record::Diagnosis& diagnosis, const Expected& expected, Row& row);

// Of the rows that have a prediction and a run: the median and the 90th percentile of |residual|, by nearest
// rank.
struct Residuals {
  double median = 0, p90 = 0;
  std::size_t count = 0;
};
Residuals residuals_of(const std::vector<Row>& rows);

inline constexpr double kMedianAllowed = 0.05, kP90Allowed = 0.10;  // of utilization

// For people: the table, the residuals, and the sum of it in one sentence.
std::string to_text(const std::vector<Row>& rows);
std::string to_json(const std::vector<Row>& rows);

// 0: every planted cause was found and nothing else; 1: not; 3: this machine lets nothing be planted.
Exit exit_of(const std::vector<Row>& rows);

}  // namespace millrace::selftest
