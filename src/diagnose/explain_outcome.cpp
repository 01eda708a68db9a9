// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "diagnose/explain_feed.hpp"
#include "diagnose/explanation.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using record::Diagnosis;
using record::ExplanationStep;
using record::RankedHop;

using OutcomeLines = std::vector<ExplanationStep>;

constexpr double kNothing = 1e-6;  // a share that is nobody's concern

void add_binding(const Diagnosis& d, OutcomeLines& lines) {
  if (d.ranking.empty()) {
    lines.push_back({part::kBinding, "nothing is known of any hop", {}, {}});
    return;
  }
  const RankedHop& top = d.ranking.front();
  const bool computes = !d.bottlenecks.empty() && d.bottlenecks.front().kind == "compute";
  if (computes) {
    lines.push_back(
        {part::kBinding,
         fmt::format("the most used hop is {}, and it has room: the accelerators themselves set the pace",
                     name_for_people(top)),
         Sum::compare(figure::percent(top.utilization), figure::percent(1)), top.evidence});
    return;
  }
  std::string claim = fmt::format("{} is used most, so it is full first", name_for_people(top));
  if (d.bottlenecks.size() > 1) {
    std::vector<std::string> tied;
    for (const record::Bottleneck& one : d.bottlenecks)
      tied.push_back(fmt::format("{}", fmt::join(one.resources, ", ")));
    claim += fmt::format("; within the intervals of what was measured it may as well be another one of {}",
                         fmt::join(tied, " | "));
  }
  // The next one down that is not named with it.
  const auto next = std::find_if(d.ranking.begin(), d.ranking.end(), [&](const RankedHop& hop) {
    return std::none_of(d.bottlenecks.begin(), d.bottlenecks.end(), [&](const record::Bottleneck& one) {
      return std::find(one.resources.begin(), one.resources.end(), hop.resource) != one.resources.end();
    });
  });
  if (next != d.ranking.end()) claim += fmt::format("; next comes {}", name_for_people(*next));
  lines.push_back({part::kBinding, std::move(claim),
                   next == d.ranking.end()
                       ? std::string()
                       : Sum::compare(figure::percent(top.utilization), figure::percent(next->utilization)),
                   top.evidence});
  const record::Bottleneck& first = d.bottlenecks.front();
  if (d.bottlenecks.size() == 1 && first.resources.size() > 1)
    lines.push_back(
        {part::kBinding,
         fmt::format("{} are one class: everything measured crossed all of them or none, so they cannot "
                     "be told apart",
                     fmt::join(first.resources, ", ")),
         {},
         first.evidence});
}

// What the simulation says beyond the longer of the two.
void add_unevenness(const workload::Profile& profile, const Diagnosis& d, double step_s,
                    OutcomeLines& lines) {
  const double more = d.step_predicted_s - step_s;
  const auto si = [](double size) { return to_si(Bytes{static_cast<std::uint64_t>(size)}); };
  std::string claim = fmt::format(
      "simulated step by step, with records of {}{}, {} batch{} read ahead{}", si(profile.input.record_bytes),
      profile.input.record_stdev_bytes > 0 ? fmt::format(" ± {}", si(profile.input.record_stdev_bytes))
                                           : std::string(),
      profile.input.prefetch_batches, profile.input.prefetch_batches == 1 ? "" : "es",
      d.accelerators == 1 ? std::string() : fmt::format(" and {} accelerators in lock-step", d.accelerators));
  if (std::fabs(more) < kNothing * step_s) {
    lines.push_back({part::kPrediction, claim + ", it takes no longer than that", {}, {}});
    return;
  }
  Sum sum(figure::seconds(step_s));
  if (more >= 0)
    sum.plus(figure::seconds(more));
  else
    sum.minus(figure::seconds(-more));
  lines.push_back({part::kPrediction,
                   claim + fmt::format(", it takes {}", more > 0 ? "longer" : "a little less"),
                   sum.equals(figure::seconds(d.step_predicted_s)),
                   {}});
}

void add_prediction(const workload::Profile& profile, const Diagnosis& d, OutcomeLines& lines) {
  double step = profile.compute_s;
  if (!d.ranking.empty()) {
    const RankedHop& top = d.ranking.front();
    const double bytes =
        static_cast<double>(profile.input.batch_samples) * profile.input.record_bytes * d.accelerators;
    const double supply = bytes / available_of(top);
    lines.push_back(
        {part::kPrediction,
         fmt::format("a step's records take so long through {}", name_for_people(top)),
         Sum(figure::bytes(bytes)).over(figure::rate(available_of(top))).equals(figure::seconds(supply)),
         {}});
    lines.push_back({part::kPrediction,
                     fmt::format("reading overlaps computing, so a step takes the longer of the two: {}",
                                 supply > step ? "the records" : "computing"),
                     Sum::compare(figure::seconds(supply), figure::seconds(step)),
                     {}});
    step = std::max(step, supply);
  }
  if (!std::isfinite(d.step_predicted_s)) return;
  add_unevenness(profile, d, step, lines);
  lines.push_back({part::kPrediction,
                   "the share of a step in which the accelerators compute",
                   Sum(figure::seconds(profile.compute_s))
                       .over(figure::seconds(d.step_predicted_s))
                       .equals(figure::percent(d.utilization)),
                   {}});
}

void add_verdict(const Diagnosis& d, OutcomeLines& lines) {
  const Figure wanted = figure::percent(d.utilization_wanted);
  if (d.verdict == "starved") {
    lines.push_back({part::kVerdict,
                     "starved: even the upper end of the interval is below what is wanted",
                     Sum::compare(figure::percent(d.utilization_ci95_high), wanted),
                     {}});
  } else if (d.verdict == "fed") {
    lines.push_back({part::kVerdict,
                     "fed: even the lower end of the interval reaches what is wanted",
                     Sum::compare(figure::percent(d.utilization_ci95_low), wanted),
                     {}});
  } else {
    lines.push_back(
        {part::kVerdict,
         fmt::format("inconclusive: the interval of {:.0f} to {:.0f} % does not decide against the {:.0f} "
                     "% wanted; to decide: {}",
                     100 * d.utilization_ci95_low, 100 * d.utilization_ci95_high, 100 * d.utilization_wanted,
                     d.undecided),
         {},
         {}});
  }
  if (d.lost_input > kNothing)
    lines.push_back(
        {part::kVerdict,
         "lost in waiting for input",
         Sum(figure::percent(1)).minus(figure::percent(d.utilization)).equals(figure::percent(d.lost_input)),
         {}});
}

void add_relief(const Diagnosis& d, OutcomeLines& lines) {
  for (const record::Relief& relief : d.relief) {
    const auto hop = std::find_if(d.ranking.begin(), d.ranking.end(),
                                  [&](const RankedHop& one) { return one.resource == relief.resource; });
    if (hop == d.ranking.end()) continue;
    const auto next = std::find_if(d.ranking.begin(), d.ranking.end(), [&](const RankedHop& one) {
      return one.resource == relief.next_bottleneck;
    });
    const double raised = available_of(*hop) * relief.factor;
    lines.push_back(
        {part::kRelief,
         fmt::format(
             "{}{} with {:.4g} times the rate: the accelerators compute {:.1f} % of the time, then {} "
             "binds",
             &relief == &d.relief.front() ? "" : "and ", name_for_people(*hop), relief.factor,
             100 * relief.accelerator_utilization,
             next == d.ranking.end() ? "nothing but the compute itself" : name_for_people(*next)),
         Sum(figure::rate(available_of(*hop)))
             .times(figure::count(relief.factor))
             .equals(figure::rate(raised)),
         {}});
  }
}

void add_proof_line(const Diagnosis& d, OutcomeLines& lines) {
  if (!d.measured) {
    lines.push_back(
        {part::kProof, "the pipeline itself was not run: nothing stands beside the prediction", {}, {}});
    return;
  }
  const double predicted = d.measured->accelerator_utilization + d.measured->residual;
  Sum sum(figure::percent(predicted));
  sum.minus(figure::percent(d.measured->accelerator_utilization));
  lines.push_back(
      {part::kProof,
       "the pipeline itself, run with a timed consumer: predicted of exactly that run − measured is the "
       "residual, and that run fed none of the figures above",
       sum.equals(figure::percent(d.measured->residual)),
       d.measured->measurement.empty() ? std::vector<std::string>{}
                                       : std::vector<std::string>{d.measured->measurement}});
}

}  // namespace

double available_of(const record::RankedHop& hop) {
  const double measured = hop.available_bytes_per_s.value_or(hop.limit_bytes_per_s.value_or(0));
  return hop.limit_bytes_per_s ? std::min(measured, *hop.limit_bytes_per_s) : measured;
}

std::string name_for_people(const record::RankedHop& hop) {
  return hop.name.empty() ? hop.resource : hop.name;
}

OutcomeLines explain_outcome(const workload::Profile& profile, const Diagnosis& diagnosis) {
  OutcomeLines lines;
  add_binding(diagnosis, lines);
  add_prediction(profile, diagnosis, lines);
  add_verdict(diagnosis, lines);
  add_relief(diagnosis, lines);
  add_proof_line(diagnosis, lines);
  return lines;
}

}  // namespace millrace::diagnose
