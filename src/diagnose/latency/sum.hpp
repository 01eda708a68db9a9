// SPDX-License-Identifier: Apache-2.0
// The time of something that consists of parts: by convolution if these are independent, and a bound that
// holds whatever they have to do with each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/latency/distribution.hpp"

namespace millrace::diagnose {

struct TimedPart {
  std::string name;
  Distribution time;
  std::uint64_t count =
      0;               // of the operations that it was counted from; 0: not counted but given or computed
  int longest_of = 1;  // already in `time`: the ranks that were waited for
};

// Whether the count of operations tells the quantile of this part (stats::is_resolved); of the longest of n
// ranks, the quantile q^(1/n) of one.
bool is_resolved(const TimedPart& part, double q);

struct TimedSum {
  std::optional<double> p50_s, p99_s;  // if independent; nothing where a part does not resolve it
  std::optional<double> bound_p99_s;   // whatever the dependence
};
TimedSum sum_of_parts(const std::vector<TimedPart>& parts);

// The bound: with shares αᵢ that add up to 1 − q, P(Σ Xᵢ > Σ Qᵢ(1 − αᵢ)) ≤ Σ P(Xᵢ > Qᵢ(1 − αᵢ)) ≤ 1 − q
// (Boole). The plain sum of p99s promises no such thing. The shares are dealt out where they shorten the
// bound most; a counted part takes at least what its count resolves. Nothing where these add up to more than
// there is.
std::optional<double> bound_of(const std::vector<TimedPart>& parts, double q);

}  // namespace millrace::diagnose
