// SPDX-License-Identifier: Apache-2.0
// What every set moved through every resource, and how sure that is.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "diagnose/crossings.hpp"
#include "diagnose/simultaneous.hpp"
#include "stats/moderated_variance.hpp"

namespace millrace::diagnose {

// Through one node in one set.
struct Total {
  std::size_t set = 0;
  double mean = 0;
  std::vector<double> repeats;
  double expected_variance = 0;  // of one repeat, for a relative variance of 1 of each member
};

using Totals = std::vector<std::vector<Total>>;  // by node

Totals totals_of(const std::vector<SimultaneousSet>& sets, const Crossings& crossings);

// How much the repeats of one measurement differ on this machine, relative to its mean; nothing where too few
// say so.
std::optional<stats::VariancePrior> prior_of(const std::vector<SimultaneousSet>& sets);

// Of the mean of repeats; no freedom: fewer than two of them, and nobody knows.
struct Error {
  double standard = 0, freedom = 0;
};
Error error_of(const std::vector<double>& repeats, double expected_variance,
               const std::optional<stats::VariancePrior>& prior);

}  // namespace millrace::diagnose
