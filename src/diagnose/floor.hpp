// SPDX-License-Identifier: Apache-2.0
// The most that was carried, without the upward bias of "the largest seen".
#pragma once

#include <cstddef>
#include <vector>

namespace millrace::diagnose {

// The total of the set that moves most, as unbiased draws: for each repeat in turn, the set is chosen by the
// mean of the *other* repeats, and what it moved in the one left out is the draw (cross-validated selection;
// the maximum of noisy means, or worse of noisy singles, is biased upward by the noise that made it the
// largest: Stone 1974, "Cross-validatory choice and assessment of statistical predictions", J. R. Stat. Soc.
// B 36). Repeats must be independent of each other. Sets may differ in how many they have; those with fewer
// than two are not looked at.
struct CrossFitted {
  std::vector<double> draws;  // as many as the longest set has repeats; empty: no set has two
  std::size_t chosen = 0;     // the set that was chosen most often
  std::vector<std::size_t> set_of_draw;
};
CrossFitted cross_fit(const std::vector<std::vector<double>>& totals);

}  // namespace millrace::diagnose
