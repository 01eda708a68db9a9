// SPDX-License-Identifier: Apache-2.0
#include "diagnose/utilization.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::diagnose {
namespace {

constexpr std::uint64_t kBootstrapSeed = 20260101;

template <typename RateOf>
Rates collect(const FeedPath& path, RateOf rate_of) {
  Rates rates{std::numeric_limits<double>::infinity(), {}};
  for (const Hop& hop : path.hops) {
    const double rate = rate_of(hop.capacity);
    if (hop.shared)
      rates.shared = std::min(rates.shared, rate);
    else
      rates.own.push_back(rate);
  }
  return rates;
}

}  // namespace

Rates rates_of(const FeedPath& path) {
  return collect(path, [](const Capacity& capacity) { return capacity.rate(); });
}

Utilization utilization_of(const FeedPath& path, const Simulation& simulation) {
  Utilization result;
  result.value = simulation.utilization(rates_of(path));
  std::mt19937_64 random(kBootstrapSeed);
  std::vector<double> outcomes;
  outcomes.reserve(kResamples);
  for (int i = 0; i < kResamples; ++i)
    outcomes.push_back(simulation.utilization(
        collect(path, [&](const Capacity& capacity) { return draw(capacity, random); })));
  std::sort(outcomes.begin(), outcomes.end());
  const auto at = [&](double quantile) {
    return outcomes[static_cast<std::size_t>(std::lround(quantile * (kResamples - 1)))];
  };
  result.low = std::min(at(0.025), result.value);
  result.high = std::max(at(0.975), result.value);
  const bool promised = std::all_of(path.hops.begin(), path.hops.end(), [](const Hop& hop) {
    return hop.capacity.measured ? hop.capacity.measured->has_interval() : !hop.essential;
  });
  if (!promised) result.low = 0;
  return result;
}

}  // namespace millrace::diagnose
