// SPDX-License-Identifier: Apache-2.0
#include "diagnose/fabric/diagnose.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/fabric/finding.hpp"
#include "diagnose/fabric/names.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

enum class End { kLow, kHigh };

// Every class at one end of its interval; a limit is its own high end, and where nothing else is known its
// low one.
std::vector<double> rates_at(const fabric::Resources& resources, End end) {
  std::vector<double> rates;
  for (const fabric::Class& one : resources.classes()) {
    double rate = one.rate();
    if (one.measured) rate = end == End::kLow ? one.measured->ci95_low : one.measured->ci95_high;
    if (one.limit) rate = std::min(rate, *one.limit);
    rates.push_back(rate);
  }
  return rates;
}

// What carries between hosts and from storage is judged by measurements alone; of what is inside a host,
// limits do where they are far enough away.
bool essential(fabric::Kind kind) {
  using fabric::Kind;
  return kind >= Kind::kNicUp && kind != Kind::kCore && kind != Kind::kStorageCore &&
         kind != Kind::kStorageOut && kind != Kind::kStorageIn;
}

// Which classes were not measured and could matter: those of which half the limit would cost more than a
// hundredth of the step, or where there are none, all that are essential.
std::vector<std::size_t> unmeasured_that_matter(const FabricFinding& finding) {
  constexpr double kTwice = 2, kMatters = 0.01;
  std::vector<std::size_t> found, others;
  for (std::size_t c = 0; c < finding.rates.size(); ++c) {
    const ClassLoad& load = finding.load->classes[c];
    const fabric::Class& one = finding.resources->classes()[load.of];
    if (one.measured) continue;
    // At half its rate each phase takes twice what it takes of it, where that is more than what it takes now.
    Pace slower = finding.pace.own;
    double more_s = 0;
    for (std::size_t phase = 0; phase < slower.phases_s.size(); ++phase) {
      const double before_s = slower.lost_s(phase);
      slower.phases_s[phase] =
          std::max(slower.phases_s[phase], kTwice * load.phases[phase] / finding.rates[c]);
      more_s += slower.lost_s(phase) - before_s;
    }
    if (finding.rates[c] == kNever || more_s > kMatters * slower.step_s)
      found.push_back(c);
    else if (essential(one.kind))
      others.push_back(c);
  }
  return found.empty() ? others : found;
}

// Measured classes whose intervals reach the slowest one's: nobody can tell which of them binds.
void add_those_too_close(FabricFinding& finding) {
  const auto& classes = finding.resources->classes();
  if (finding.binding.empty() || finding.phase >= finding.load->phases.size()) return;
  const auto bytes = [&](std::size_t c) { return finding.load->classes[c].phases[finding.phase]; };
  const auto& top = classes[finding.load->classes[finding.binding.front()].of].measured;
  if (!top) return;
  const double shortest = bytes(finding.binding.front()) / top->ci95_high;
  std::vector<bool> named(finding.load->classes.size(), false);
  for (const std::size_t c : finding.binding) named[c] = true;
  for (std::size_t c = 0; c < finding.load->classes.size(); ++c) {
    const auto& measured = classes[finding.load->classes[c].of].measured;
    if (!measured || named[c]) continue;
    if (bytes(c) < shortest * measured->ci95_low) continue;
    finding.binding.push_back(c);
    finding.too_close = true;
  }
}

void find_binding(FabricFinding& finding) {
  finding.phase = finding.load->phases.size();
  if (finding.pace.held_by) {  // by what the others take of it
    for (std::size_t c = 0; c < finding.load->classes.size(); ++c)
      if (finding.load->classes[c].of == *finding.pace.held_by) finding.binding = {c};
    return;
  }
  finding.phase = finding.pace.own.worst_phase();
  finding.binding = slowest(*finding.load, finding.rates, finding.phase);
  add_those_too_close(finding);
}

// By what the others take: the one class that is full, as many times as fast as this job's pace lacks.
std::vector<FabricRelief> relieve_shared(const FabricFinding& finding, const std::vector<JobLoad>& loads,
                                         std::size_t job, std::vector<double> class_rates) {
  constexpr int kMost = 4;
  std::vector<FabricRelief> steps;
  SharedPace pace = finding.pace;
  const auto classes_of = [&](std::uint32_t of) {
    std::vector<std::size_t> found;
    for (std::size_t c = 0; c < finding.load->classes.size(); ++c)
      if (finding.load->classes[c].of == of) found.push_back(c);
    return found;
  };
  while (static_cast<int>(steps.size()) < kMost && pace.held_by && pace.step_s > finding.goal_s) {
    const std::uint32_t held_by = *pace.held_by;
    FabricRelief step{classes_of(held_by), 1, 0, {}};
    step.factor = std::ceil(pace.step_s / std::max(finding.goal_s, pace.own.step_s) * 100 - 1e-9) / 100;
    class_rates[held_by] *= step.factor;
    pace = share(*finding.resources, loads, class_rates)[job];
    step.step_s = pace.step_s;
    if (pace.held_by)
      step.next = classes_of(*pace.held_by);
    else
      step.next = slowest(*finding.load, rates_of(*finding.load, class_rates), pace.own.worst_phase());
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

std::vector<record::Diagnosis> diagnose(const fabric::Fabric& fabric, const std::vector<FabricJob>& jobs) {
  const fabric::Resources resources(fabric);
  std::vector<JobLoad> loads;
  for (const FabricJob& job : jobs)
    loads.push_back(load_of(resources, job.step, {job.first_host, job.step.ranks}));
  const auto best = share(resources, loads, resources.rates());
  const auto at_high = share(resources, loads, rates_at(resources, End::kHigh));
  const auto at_low = share(resources, loads, rates_at(resources, End::kLow));
  std::vector<record::Diagnosis> diagnoses;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    FabricFinding finding;
    finding.resources = &resources;
    finding.job = &jobs[j];
    finding.load = &loads[j];
    finding.pace = best[j];
    // Requests that wait for more than their like come in wait longer and longer: of them none may be left.
    finding.goal_s = jobs[j].served
                         ? jobs[j].step.compute_s
                         : jobs[j].wanted_s.value_or(jobs[j].step.compute_s / jobs[j].utilization_wanted);
    finding.worst_fetch_s = at_low[j].own.phases_s.empty() ? 0 : at_low[j].own.phases_s.front();
    finding.rates = best_rates(resources, loads[j]);
    finding.measured =
        std::any_of(loads[j].classes.begin(), loads[j].classes.end(),
                    [&](const ClassLoad& load) { return resources.classes()[load.of].measured.has_value(); });
    finding.unmeasured = unmeasured_that_matter(finding);
    finding.step_low_s = at_high[j].step_s;
    finding.step_high_s = finding.unmeasured.empty() ? at_low[j].step_s : kNever;
    finding.verdict = finding.step_high_s <= finding.goal_s ? "fed"
                      : finding.step_low_s > finding.goal_s ? "starved"
                                                            : "inconclusive";
    find_binding(finding);
    if (finding.verdict != "fed")
      finding.relief = finding.pace.held_by ? relieve_shared(finding, loads, j, resources.rates())
                                            : relieve(resources, loads[j], finding.rates, finding.goal_s);
    for (std::size_t other = 0; other < jobs.size(); ++other)
      if (other != j)
        finding.others.push_back(
            fmt::format("{} on {} accelerators", jobs[other].workload, jobs[other].step.ranks));
    diagnoses.push_back(jobs[j].served ? fabric_serving(finding) : fabric_record(finding));
  }
  return diagnoses;
}

}  // namespace millrace::diagnose
