// SPDX-License-Identifier: Apache-2.0
#include "diagnose/fabric_load.hpp"

#include <algorithm>

namespace millrace::diagnose {
namespace {

constexpr double kAlike = 1e-6;  // relative: sums in another order differ less

struct Busiest {
  double bytes = 0;
  std::int64_t number = 0, alike = 0;
};

// Of each class the link that carries most.
std::vector<Busiest> busiest_of(const fabric::Resources& resources, const std::vector<double>& loads) {
  std::vector<Busiest> all(resources.classes().size());
  for (std::size_t k = 0; k < fabric::kKinds; ++k) {
    const auto kind = static_cast<fabric::Kind>(k);
    const std::int64_t links = resources.links(kind);
    const double* bundle = loads.data() + resources.first(kind);
    for (const auto& run : resources.runs(kind)) {
      Busiest& most = all[run.of];
      for (std::int64_t number = run.first; number <= run.last;) {
        const std::int64_t next = std::min((number / links + 1) * links, run.last + 1);
        const double bytes = bundle[number / links] / static_cast<double>(links);
        if (bytes > most.bytes * (1 + kAlike))
          most = {bytes, number, next - number};
        else if (bytes >= most.bytes * (1 - kAlike))
          most.alike += next - number;
        number = next;
      }
    }
  }
  return all;
}

std::vector<std::vector<std::size_t>> phases_of(const workload::Step& step) {
  std::vector<std::vector<std::size_t>> phases(1);
  for (std::size_t t = 0; t < step.traffic.size(); ++t) {
    if (step.traffic[t].overlaps)
      phases.front().push_back(t);
    else
      phases.push_back({t});
  }
  return phases;
}

double carried(const fabric::Resources& resources, const std::vector<double>& loads, const ClassLoad& load) {
  const fabric::Kind kind = resources.classes()[load.of].kind;
  const std::int64_t links = resources.links(kind);
  return loads[resources.first(kind) + static_cast<std::size_t>(load.busiest / links)] /
         static_cast<double>(links);
}

}  // namespace

JobLoad load_of(const fabric::Resources& resources, const workload::Step& step,
                const fabric::Placement& placement) {
  JobLoad job{step, placement, phases_of(step), {}, std::vector<double>(resources.size(), 0.0)};
  std::vector<std::vector<Busiest>> of_phase;
  std::vector<double> one(resources.size(), 0.0);
  for (const auto& phase : job.phases) {
    std::fill(one.begin(), one.end(), 0.0);
    for (const std::size_t t : phase) fabric::add_loads(resources, step.traffic[t], placement, one);
    of_phase.push_back(busiest_of(resources, one));
    for (std::size_t i = 0; i < one.size(); ++i) job.bundles[i] += one[i];
  }
  const std::vector<Busiest> total = busiest_of(resources, job.bundles);
  for (std::uint32_t c = 0; c < total.size(); ++c) {
    if (total[c].bytes <= 0) continue;
    ClassLoad& load = job.classes.emplace_back();
    load.of = c;
    load.busiest = total[c].number;
    load.alike = total[c].alike;
    load.bytes = total[c].bytes;
    for (const auto& phase : of_phase) load.phases.push_back(phase[c].bytes);
  }
  // Who brings how much there is asked of the busiest alone, which are known only now.
  for (const auto& traffic : step.traffic) {
    std::fill(one.begin(), one.end(), 0.0);
    fabric::add_loads(resources, traffic, placement, one);
    for (ClassLoad& load : job.classes) load.of_traffic.push_back(carried(resources, one, load));
  }
  return job;
}

}  // namespace millrace::diagnose
