// SPDX-License-Identifier: Apache-2.0
#include "diagnose/fabric/share.hpp"

#include "allocate/max_min.hpp"

namespace millrace::diagnose {

ClassRates rates_of(const JobLoad& job, std::span<const double> class_rates) {
  ClassRates rates;
  for (const ClassLoad& load : job.classes) rates.push_back(class_rates[load.of]);
  return rates;
}

std::vector<SharedPace> share(const fabric::Resources& resources, const std::vector<JobLoad>& jobs,
                              std::span<const double> class_rates) {
  std::vector<SharedPace> paces;
  for (const JobLoad& job : jobs) {
    SharedPace& pace = paces.emplace_back();
    pace.own = pace_of(job, rates_of(job, class_rates));
    pace.step_s = pace.own.step_s;
  }
  if (jobs.size() < 2) return paces;  // its own pace has all its bounds in it

  allocate::Problem problem{resources.capacities(class_rates), {}};
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    allocate::Job& job = problem.jobs.emplace_back();
    if (paces[j].own.step_s <= 0) continue;  // it neither computes nor moves anything
    job.most_steps_per_s = 1 / paces[j].own.step_s;
    job.weight = job.most_steps_per_s;
    for (std::uint32_t b = 0; b < jobs[j].bundles.size(); ++b)
      if (jobs[j].bundles[b] > 0) job.uses.push_back({b, jobs[j].bundles[b]});
  }
  const allocate::Allocation all = allocate::max_min(problem);
  constexpr double kNoticed = 1e-9;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    if (all.bound_by[j] == allocate::kOwnPace ||
        all.steps_per_s[j] >= problem.jobs[j].most_steps_per_s * (1 - kNoticed))
      continue;
    paces[j].step_s = 1 / all.steps_per_s[j];
    paces[j].held_by = resources.class_of(all.bound_by[j], class_rates);
  }
  return paces;
}

}  // namespace millrace::diagnose
