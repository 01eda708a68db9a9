// SPDX-License-Identifier: Apache-2.0
// Rates or latencies of pairs (metrics "gpu0_to_gpu1_bytes_per_s", "host_to_gpu3_bytes_per_s",
// "gpu0_to_gpu1_access_s") as one table, in the way that nvbandwidth prints them: a row for each beginning, a
// column for each end.
#pragma once

#include <string>
#include <string_view>

#include "record/result.hpp"
#include "report/terminal.hpp"

namespace millrace::report {

// Whether a metric stands in the measurement's table. Fewer than four pairs make none: they read better as
// lines.
bool is_in_pair_matrix(const record::Measurement& m, std::string_view metric);

// Medians, all in one unit, which the head names. Empty where there is no table.
std::string pair_matrix_text(const record::Measurement& m, const TextStyle& style);

}  // namespace millrace::report
