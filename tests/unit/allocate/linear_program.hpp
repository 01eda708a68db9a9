// SPDX-License-Identifier: Apache-2.0
// The lexicographic max-min solution by linear programs alone (GLPK): what max_min() is held against.
#pragma once

#include <vector>

#include "allocate/max_min.hpp"

namespace millrace::allocate {

// Rates of all jobs. Round after round: the largest t for which every job that is not settled has at least
// weight × t; then, job by job, whether it could have more while the others keep that much. Those that could
// not are settled (Nace & Pioro 2008, "Max-min fairness and its applications to routing and load-balancing",
// algorithm 2). Empty where GLPK fails or a round settles nobody. Every job needs a bound.
std::vector<double> max_min_by_linear_programs(const Problem& problem);

}  // namespace millrace::allocate
