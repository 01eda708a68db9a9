// SPDX-License-Identifier: Apache-2.0
// The causes that `millrace selftest` plants on this machine, one after the other, each undone before the
// next.
#pragma once

#include <string>
#include <vector>

#include "selftest/score.hpp"
#include "selftest/trial.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

// The names, in order.
std::vector<std::string> case_names();

// Runs the cases named (all: empty). Errors: the folder cannot be used, a name is unknown (with those there
// are), it was interrupted; what a machine does not let be planted is a row of its own, and what goes wrong
// in one case is one too.
Result<std::vector<Row>> run_cases(const Bench& bench, const std::vector<std::string>& names);

}  // namespace millrace::selftest
