// SPDX-License-Identifier: Apache-2.0
#include "diagnose/binding.hpp"

#include <algorithm>
#include <limits>
#include <random>

namespace millrace::diagnose {
namespace {

constexpr std::uint64_t kTieSeed = 20260102;

// What of a hop's load one accelerator's demand makes: everything shared sees all of them.
double demand_at(const Hop& hop, double of_one, int accelerators) {
  return hop.shared ? of_one * accelerators : of_one;
}

}  // namespace

std::vector<Load> loads_of(const FeedPath& path, double demand, int accelerators) {
  std::vector<Load> loads;
  for (const Hop& hop : path.hops) {
    if (!hop.capacity.known()) continue;
    const double needed = demand_at(hop, demand, accelerators);
    const double low = hop.capacity.low();
    loads.push_back({&hop, needed / hop.capacity.rate(), needed / hop.capacity.high(),
                     low > 0 ? needed / low : std::numeric_limits<double>::infinity()});
  }
  std::stable_sort(loads.begin(), loads.end(), [](const Load& a, const Load& b) { return a.use > b.use; });
  return loads;
}

std::vector<Load> tied_at_the_top(const std::vector<Load>& loads) {
  if (loads.empty()) return {};
  std::vector<Load> tied{loads.front()};
  if (!loads.front().hop->capacity.measured) return tied;
  constexpr int kDraws = 400, kOftenEnough = kDraws / 20;
  constexpr double kAsGoodAs = 0.99;
  std::mt19937_64 random(kTieSeed);
  std::vector<int> bound(loads.size(), 0);
  std::vector<double> uses(loads.size(), 0);
  for (int i = 0; i < kDraws; ++i) {
    for (std::size_t h = 0; h < loads.size(); ++h) {
      const Capacity& capacity = loads[h].hop->capacity;
      uses[h] = capacity.measured ? loads[h].use * capacity.rate() / draw(capacity, random) : 0;
    }
    const double most = *std::max_element(uses.begin(), uses.end());
    for (std::size_t h = 0; h < loads.size(); ++h) bound[h] += uses[h] >= kAsGoodAs * most ? 1 : 0;
  }
  for (std::size_t h = 1; h < loads.size(); ++h)
    if (bound[h] >= kOftenEnough && loads[h].use >= 0.5 * loads.front().use) tied.push_back(loads[h]);
  return tied;
}

std::vector<record::RankedHop> ranking(const std::vector<Load>& loads, double demand, int accelerators) {
  std::vector<record::RankedHop> ranked;
  for (const Load& load : loads) {
    const Hop& hop = *load.hop;
    const double times = hop.times(accelerators);
    record::RankedHop& one = ranked.emplace_back();
    one.resource = hop.resources.front();
    one.kind = hop.kind;
    one.name = hop.name;
    one.utilization = load.use;
    one.needed_bytes_per_s = demand * accelerators;
    if (hop.capacity.measured) {
      one.available_bytes_per_s = hop.capacity.rate() * times;
      if (hop.capacity.measured->has_interval()) {
        one.available_low = hop.capacity.low() * times;
        one.available_high = hop.capacity.high() * times;
      }
    }
    if (hop.capacity.limit) one.limit_bytes_per_s = *hop.capacity.limit * times;
    one.evidence = hop.capacity.evidence;
  }
  return ranked;
}

record::Bottleneck bottleneck(const Load& load, double demand, int accelerators) {
  const Hop& hop = *load.hop;
  return {hop.resources, hop.kind, demand * accelerators, hop.capacity.rate() * hop.times(accelerators),
          hop.capacity.evidence};
}

}  // namespace millrace::diagnose
