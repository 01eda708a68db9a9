// SPDX-License-Identifier: Apache-2.0
// Whether a series kept one level: a drift, a step or flapping makes its mean a figure of nothing in
// particular.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "stats/warm_up.hpp"

namespace millrace::stats {

enum class Unsteadiness {
  kNone,
  kTooShort,    // fewer than 200 values: not judged
  kUnsettled,   // the warm-up did not end, and sets the halves of the run apart
  kDrift,       // a trend over the whole of it
  kStep,        // one level before, another after
  kStandstill,  // hardly anything moved for a twentieth of the run or more
  kFlapping,    // to and fro between two levels
};

struct Steadiness {
  Unsteadiness kind = Unsteadiness::kNone;
  double change = 0;   // of the drift or step, or between the two levels, as a share of the mean; signed
  std::size_t at = 0;  // of a step or standstill: its first value, counted from the start of the series

  [[nodiscard]] bool is_steady() const {
    return kind == Unsteadiness::kNone || kind == Unsteadiness::kTooShort;
  }
  // For people: "a drift of -12 % over the run"; empty where it is steady.
  [[nodiscard]] std::string text() const;
};

struct SteadinessOptions {
  // A change must be real *and* matter. Smaller ones than this share of the mean are let be: it is the
  // default precision of a mean (StoppingOptions::target).
  double matters = 0.05;
  // Of two levels, more: two that lie close are within what any device does from moment to moment.
  double flapping_matters = 0.1;
};

// Judges the series from the cut on. A warm-up longer than a fifth of the run is not taken for one: the test
// then starts at that fifth, so that a step in the first half is not cut away and forgotten. Drift, step and
// standstill are tested on batch means (level_change.hpp), so that correlation among slices is not taken for
// change; the chance of a false alarm is 1 % each for independent values.
//  Flapping: the two levels that divide the means of 5 values best (Otsu 1979) explain 85 % of their variance
//  (of a normal distribution they explain 64 %, of a uniform one 75 %), the series stays 10 values or more on
//  a level, on average, and changes it three times at least.
Steadiness judge_steadiness(std::span<const double> series, const WarmUp& warm_up,
                            const SteadinessOptions& options = {});

}  // namespace millrace::stats
