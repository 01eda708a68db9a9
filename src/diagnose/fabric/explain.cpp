// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "diagnose/explanation.hpp"
#include "diagnose/fabric/finding.hpp"
#include "diagnose/fabric/names.hpp"
#include "fabric/describe.hpp"
#include "units/quantity.hpp"

namespace millrace::diagnose {
namespace {

using Lines = std::vector<record::ExplanationStep>;

void explain_demand(const FabricFinding& finding, Lines& lines) {
  const char* step = finding.job->served     ? "a request comes to each replica of {} every {:.4g} s"
                     : finding.job->wanted_s ? "{} takes {:.4g} s besides loading"
                                             : "a step of {} computes {:.4g} s";
  lines.push_back(
      {part::kDemand, fmt::format(fmt::runtime(step), who(finding), finding.load->step.compute_s), {}, {}});
  for (const auto& traffic : finding.load->step.traffic)
    lines.push_back(
        {part::kDemand,
         fmt::format("{}: {} a rank and {}", traffic.name,
                     to_si(Bytes{static_cast<std::uint64_t>(std::llround(traffic.bytes_per_rank))}),
                     finding.job->served ? "request"
                     : traffic.overlaps  ? "step, while it computes"
                                         : "step, waited for"),
         {},
         {}});
}

// What makes up the bytes of a step on the busiest of a class, in the phase that counts.
record::ExplanationStep what_comes_over(const FabricFinding& finding, const ClassLoad& load) {
  const auto& traffic = finding.load->step.traffic;
  const bool whole =
      finding.phase >= finding.load->phases.size();  // all of them, where other jobs take the rest
  std::vector<std::size_t> which;
  for (std::size_t t = 0; t < traffic.size(); ++t) {
    const auto& phase = finding.load->phases[whole ? 0 : finding.phase];
    if (load.of_traffic[t] > 0 && (whole || std::find(phase.begin(), phase.end(), t) != phase.end()))
      which.push_back(t);
  }
  std::vector<std::string> names;
  double sum_bytes = 0;
  Sum sum(figure::bytes(which.empty() ? 0 : load.of_traffic[which.front()]));
  for (const std::size_t t : which) {
    names.push_back(traffic[t].name);
    if (t != which.front()) sum.plus(figure::bytes(load.of_traffic[t]));
    sum_bytes += load.of_traffic[t];
  }
  return {part::kPath,
          fmt::format("what a step brings over {} {}: {}",
                      fabric::noun(finding.resources->classes()[load.of].kind, false), load.busiest,
                      fmt::join(names, "; ")),
          which.size() > 1 ? sum.equals(figure::bytes(sum_bytes)) : std::string(),
          {}};
}

// Which traffic brings how many bytes over the busiest of each class that binds, and how long that takes.
void explain_binding(const FabricFinding& finding, Lines& lines) {
  for (std::size_t i = 0; i < std::min(finding.binding.size(), kMostNamed); ++i) {
    const std::size_t c = finding.binding[i];
    const ClassLoad& load = finding.load->classes[c];
    const fabric::Class& one = finding.resources->classes()[load.of];
    const std::string name = class_name(*finding.resources, load);
    lines.push_back(what_comes_over(finding, load));
    lines.push_back({part::kCapacity,
                     one.measured
                         ? fmt::format("{}: measured{}", name, one.source.empty() ? "" : ", " + one.source)
                         : fmt::format("{}: not measured, its limit stands in", name),
                     {},
                     {}});
    const bool whole = finding.phase >= finding.load->phases.size();
    const double bytes = whole ? load.bytes : load.phases[finding.phase];
    lines.push_back({part::kBinding,
                     fmt::format("what a step keeps {} busy", name),
                     Sum(figure::bytes(bytes))
                         .over(figure::rate(finding.rates[c]))
                         .equals(figure::seconds(bytes / finding.rates[c])),
                     {}});
  }
}

void explain_prediction(const FabricFinding& finding, Lines& lines) {
  const Pace& pace = finding.pace.own;
  if (finding.job->served) {
    lines.push_back(
        {part::kPrediction,
         fmt::format("for a request of every replica at once the fabric takes {:.4g} s, and the "
                     "next ones come after {:.4g} s",
                     std::max(pace.phases_s.front(), finding.pace.held_by ? finding.pace.step_s : 0.0),
                     pace.compute_s),
         {},
         {}});
    return;
  }
  Sum sum(figure::seconds(std::max(pace.compute_s, pace.phases_s.front())));
  for (std::size_t phase = 1; phase < pace.phases_s.size(); ++phase)
    sum.plus(figure::seconds(pace.phases_s[phase]));
  lines.push_back(
      {part::kPrediction,
       fmt::format("a step is as long as the longer of computing ({:.4g} s) and what overlaps it ({:.4g} s), "
                   "plus what is waited for",
                   pace.compute_s, pace.phases_s.front()),
       sum.equals(figure::seconds(pace.step_s)),
       {}});
  if (finding.pace.held_by)
    lines.push_back(
        {part::kPrediction,
         fmt::format("beside the other jobs {} is full, and a step takes {:.4g} s",
                     class_nouns(*finding.resources, *finding.load, finding.binding), finding.pace.step_s),
         {},
         {}});
  if (pace.compute_s > 0 && !finding.job->wanted_s)
    lines.push_back({part::kUtilization,
                     "the share of a step that is computed",
                     Sum(figure::seconds(pace.compute_s))
                         .over(figure::seconds(finding.pace.step_s))
                         .equals(figure::percent(finding.pace.utilization())),
                     {}});
}

void explain_relief(const FabricFinding& finding, Lines& lines) {
  const auto names = [&](const std::vector<std::size_t>& classes) {
    return class_names(*finding.resources, *finding.load, classes);
  };
  for (const FabricRelief& step : finding.relief) {
    const std::string mended = names(step.classes),
                      next = step.next.empty() ? "the accelerators" : names(step.next);
    lines.push_back(
        {part::kRelief,
         fmt::format("{} {:.4g} times as fast: {} {:.4g} s{}", mended, step.factor,
                     finding.job->served ? "a request of every replica takes" : "a step takes", step.step_s,
                     next == mended || (finding.job->served && step.next.empty())
                         ? ""
                         : fmt::format(", then {} set the pace", next)),
         {},
         {}});
  }
}

}  // namespace

std::vector<record::ExplanationStep> fabric_explanation(const FabricFinding& finding) {
  Lines lines;
  explain_demand(finding, lines);
  explain_binding(finding, lines);
  explain_prediction(finding, lines);
  lines.push_back({part::kVerdict,
                   finding.job->served
                       ? fmt::format("against what all together ask of the fabric, {}: those of one moment "
                                     "may take it {:.4g} s",
                                     finding.verdict, finding.goal_s)
                       : fmt::format("{}: a step may take {:.4g} s", finding.verdict, finding.goal_s),
                   {},
                   {}});
  explain_relief(finding, lines);
  return lines;
}

}  // namespace millrace::diagnose
