// SPDX-License-Identifier: Apache-2.0
#include "diagnose/others_allow.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::diagnose {

Allowed others_allow(const std::vector<HeldFlow>& flows, const std::vector<Constraint>& constraints) {
  constexpr double kEndless = std::numeric_limits<double>::infinity();
  constexpr double kFull = 1e-9;
  std::vector<bool> grows(flows.size(), true);
  std::vector<double> left(constraints.size(), 0);
  for (std::size_t c = 0; c < constraints.size(); ++c) left[c] = std::max(constraints[c].capacity, 0.0);
  Allowed allowed;
  double variance = 0;
  double level = 0;  // bytes/s that every flow which still grows has
  for (std::size_t growing = flows.size(); growing > 0;) {
    std::vector<double> weight(constraints.size(), 0);
    for (std::size_t f = 0; f < flows.size(); ++f)
      if (grows[f])
        for (const auto& [c, units] : flows[f].crosses) weight[c] += units;
    double step = kEndless;
    for (std::size_t c = 0; c < constraints.size(); ++c)
      if (weight[c] > 0) step = std::min(step, left[c] / weight[c]);
    if (!std::isfinite(step)) return {kEndless, 0};
    level += step;
    for (std::size_t c = 0; c < constraints.size(); ++c) left[c] -= step * weight[c];
    for (std::size_t c = 0; c < constraints.size(); ++c) {
      if (weight[c] <= 0 || left[c] > kFull * std::max(constraints[c].capacity, 0.0)) continue;
      double stopped = 0;  // units of the resource in question for each unit of the constraint
      double own = 0;
      for (std::size_t f = 0; f < flows.size(); ++f) {
        if (!grows[f]) continue;
        const auto here = std::find_if(flows[f].crosses.begin(), flows[f].crosses.end(),
                                       [c](const auto& crossed) { return crossed.first == c; });
        if (here == flows[f].crosses.end()) continue;
        grows[f] = false;
        --growing;
        stopped += flows[f].units;
        own += here->second;
        allowed.total += flows[f].units * level;
      }
      if (own > 0) variance += std::pow(constraints[c].standard_error * stopped / own, 2);
    }
  }
  allowed.standard_error = std::sqrt(variance);
  return allowed;
}

}  // namespace millrace::diagnose
