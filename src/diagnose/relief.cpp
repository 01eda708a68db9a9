// SPDX-License-Identifier: Apache-2.0
#include "diagnose/relief.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/binding.hpp"
#include "diagnose/utilization.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNear = 2e-4;  // of utilization: closer than any of this is known

void raise(Capacity& capacity, double factor) {
  if (capacity.measured) {
    capacity.measured->mean *= factor;
    capacity.measured->ci95_low *= factor;
    capacity.measured->ci95_high *= factor;
  }
  if (capacity.limit) *capacity.limit *= factor;
}

// By how much a hop must grow for the job to reach the wanted utilization, were it the only one.
double factor_for(const Hop& hop, const Simulation& simulation, double wanted, std::size_t stages) {
  const auto reaches = [&](double factor) {
    Rates rates{std::numeric_limits<double>::infinity(), std::vector<double>(stages, rates.shared)};
    (hop.shared ? rates.shared : rates.own.front()) = hop.capacity.rate() * factor;
    return simulation.utilization(rates) >= wanted - 0.5 * kNear;
  };
  double low = 1, high = 1;
  while (!reaches(high) && high < 1e6) high *= 2;
  for (int i = 0; i < 30 && high / low > 1.0001; ++i) {
    const double middle = 0.5 * (low + high);
    (reaches(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace

double rounded_up(double factor) {
  const double step =
      factor < 2 ? 0.01 : (factor < 10 ? 0.1 : std::pow(10, std::floor(std::log10(factor)) - 1));
  return std::ceil(factor / step - 1e-9) * step;
}

std::vector<ReliefStep> relieve(const FeedPath& path, const Job& job, const Simulation& simulation,
                                double wanted, int most) {
  std::vector<ReliefStep> steps;
  FeedPath mended = path;
  const double demand = job.profile.demand_bytes_per_s();
  std::vector<bool> done(path.hops.size(), false);
  double utilization = simulation.utilization(rates_of(mended));
  while (static_cast<int>(steps.size()) < most && utilization < wanted) {
    // The binding hop of those not mended yet.
    const auto loads = loads_of(mended, demand, job.accelerators);
    const auto binding = std::find_if(loads.begin(), loads.end(), [&](const Load& load) {
      return !done[static_cast<std::size_t>(load.hop - mended.hops.data())];
    });
    if (binding == loads.end()) break;
    const auto index = static_cast<std::size_t>(binding->hop - mended.hops.data());
    done[index] = true;
    // Computing all the time is reached by nothing but an endless pipeline: a wish for 100 % counts as met
    // at 99.9 %.
    const double goal = std::min(wanted, 0.999);
    ReliefStep step{&path.hops[index], 1, 0, nullptr};
    double factor = factor_for(mended.hops[index], simulation, goal, mended.hops.size());
    step.factor = rounded_up(factor);
    const Capacity before = mended.hops[index].capacity;
    raise(mended.hops[index].capacity, step.factor);
    step.utilization = utilization = simulation.utilization(rates_of(mended));
    // The waits of several hops near their limits add up: give the last one what it takes, if it takes
    // little.
    for (int i = 0; i < 8 && utilization < goal - kNear; ++i) {
      factor = step.factor * 1.03;
      mended.hops[index].capacity = before;
      raise(mended.hops[index].capacity, factor);
      const double reached = simulation.utilization(rates_of(mended));
      if (reached < utilization + 1e-4) {
        mended.hops[index].capacity = before;
        raise(mended.hops[index].capacity, step.factor);
        break;
      }
      step.factor = rounded_up(factor);
      step.utilization = utilization = reached;
    }
    FeedPath beyond = mended;
    beyond.hops[index].capacity = Capacity{};  // out of the way altogether
    for (const Load& load : loads_of(beyond, demand, job.accelerators)) {
      if (load.use > 1 || utilization < goal - kNear)
        step.next = &path.hops[static_cast<std::size_t>(load.hop - beyond.hops.data())];
      break;
    }
    steps.push_back(step);
    if (utilization >= goal - kNear) break;
  }
  return steps;
}

}  // namespace millrace::diagnose
