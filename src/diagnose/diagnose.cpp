// SPDX-License-Identifier: Apache-2.0
#include "diagnose/diagnose.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "diagnose/binding.hpp"
#include "diagnose/conventions.hpp"
#include "diagnose/evidence.hpp"
#include "diagnose/explain_feed.hpp"
#include "diagnose/feed_path.hpp"
#include "diagnose/life.hpp"
#include "diagnose/proof.hpp"
#include "diagnose/relief.hpp"
#include "diagnose/sentence.hpp"
#include "diagnose/utilization.hpp"

namespace millrace::diagnose {
namespace {

// Rule 4 of the design: the bound on the near side of the threshold decides.
std::string verdict_of(const Utilization& utilization, double wanted) {
  if (utilization.low >= wanted) return "fed";
  if (utilization.high < wanted) return "starved";
  return "inconclusive";
}

std::string what_decides(const FeedPath& path, const std::vector<Load>& loads,
                         const workload::Profile& profile) {
  std::vector<std::string> missing;
  for (const Hop& hop : path.hops)
    if (hop.essential && !hop.capacity.measured) missing.push_back(hop.noun);
  const std::string run = fmt::format("millrace run --for {}", profile.name);
  if (!missing.empty()) return fmt::format("measure {} (`{}`)", fmt::join(missing, ", "), run);
  std::vector<std::string> vague;
  for (const Hop& hop : path.hops)
    if (hop.capacity.measured && !hop.capacity.measured->has_interval())
      vague.insert(vague.end(), hop.capacity.evidence.begin(), hop.capacity.evidence.end());
  if (!vague.empty())
    return fmt::format("measure longer than {}, too short for an interval (`{} --thorough`)",
                       fmt::join(vague, ", "), run);
  if (loads.empty()) return fmt::format("measure the feed path (`{}`)", run);
  // The interval is as wide as its worst end: of what was measured, the hop that by its low end is short of
  // most.
  const Load* vaguest = &loads.front();
  for (const Load& load : loads)
    if (load.hop->capacity.measured && (!vaguest->hop->capacity.measured || load.high > vaguest->high))
      vaguest = &load;
  return fmt::format("more repeats of {} (`{} --thorough`)", fmt::join(vaguest->hop->capacity.evidence, ", "),
                     run);
}

// What the same run did by GPUDirect Storage, and whether that went directly at all.
void add_direct_way(const record::Document& document, const workload::Profile& profile, const Proof& staged,
                    record::Diagnosis& diagnosis) {
  const record::Measurement* direct = direct_run_of(document, profile);
  if (direct == nullptr) return;
  const auto has = [&](const char* flag) {
    return std::find(direct->flags.begin(), direct->flags.end(), flag) != direct->flags.end();
  };
  const char* way = has("gds-direct")          ? "past host memory, as proven"
                    : has("gds-compatibility") ? "in compatibility mode, through host memory all the same"
                                               : "on a way that could not be proven";
  const double utilization = direct->metrics.at(conventions::kUtilizationMetric).mean;
  diagnosis.notes.push_back(fmt::format(
      "by GPUDirect Storage instead ({}, {}) the pipeline computed {:.0f} % of the time, staged {:.0f} %",
      direct->id, way, utilization * 100, staged.measured * 100));
}

void add_proof(const record::Document& document, const workload::Profile& profile, double wanted,
               record::Diagnosis& diagnosis) {
  const auto proof = prove(document, profile);
  if (!proof) return;
  diagnosis.measured = {proof->measured, proof->residual(), proof->run->id};
  const double scale = number(*proof->run, "scale").value_or(1);
  const double accelerators = number(*proof->run, "accelerators").value_or(1);
  if (scale > 1 || accelerators != diagnosis.accelerators)
    diagnosis.notes.push_back(
        fmt::format("the pipeline's own run had bytes and compute divided by {:.4g}, on {:.0f} "
                    "accelerator{}; the prediction beside it is of exactly that run",
                    scale, accelerators, accelerators == 1 ? "" : "s"));
  add_direct_way(document, profile, *proof, diagnosis);
  if (std::abs(proof->residual()) <= kLargeResidual) return;
  diagnosis.notes.push_back(
      fmt::format("prediction and pipeline are {:.0f} points apart (predicted {:.0f} %, measured {:.0f} "
                  "%): something on the path is not accounted for",
                  std::abs(proof->residual()) * 100, proof->predicted * 100, proof->measured * 100));
  const bool other_side = (diagnosis.verdict == "fed" && proof->measured < wanted) ||
                          (diagnosis.verdict == "starved" && proof->measured >= wanted);
  if (other_side && accelerators == diagnosis.accelerators)
    diagnosis.notes.push_back(
        fmt::format("the pipeline's own run contradicts the verdict: it reached {:.0f} %, wanted were "
                    "{:.0f} %",
                    proof->measured * 100, wanted * 100));
}

}  // namespace

record::Diagnosis diagnose(const record::Document& document, const Question& question) {
  if (question.profile.kind != workload::Kind::kTrainingInput) return diagnose_life(document, question);
  const workload::Profile& profile = question.profile;
  const double wanted = question.utilization_wanted.value_or(profile.utilization_wanted);
  const double demand = profile.demand_bytes_per_s();
  const int accelerators = std::max(1, question.accelerators);

  FeedPath path = feed_path(document, profile, accelerators);
  // What nothing is known of is left out, and said.
  for (const Hop& hop : path.hops)
    if (!hop.capacity.known())
      path.notes.push_back(
          fmt::format("{} was not measured and has no known limit: it is left out", hop.noun));
    else if (!hop.capacity.measured && hop.essential)
      path.notes.push_back(
          fmt::format("{} was not measured: its limit stands in ({})", hop.noun, hop.capacity.limit_source));
  if (!path.measured) path.notes.emplace_back("from limits alone, nothing was measured");

  const Job job{profile, accelerators, 0};
  const Simulation simulation(job);
  Finding finding{profile.model,
                  profile.accelerator,
                  accelerators,
                  demand,
                  wanted,
                  {},
                  {},
                  {},
                  {},
                  {},
                  {},
                  path.measured,
                  path.stand_in && path.measured,
                  path.in_gpu};
  finding.utilization = utilization_of(path, simulation);
  finding.verdict = verdict_of(finding.utilization, wanted);
  finding.loads = loads_of(path, demand, accelerators);
  const bool computes_all_the_time =
      finding.utilization.value >= wanted && (finding.loads.empty() || finding.loads.front().use < 1);
  if (!computes_all_the_time) finding.binding = tied_at_the_top(finding.loads);
  if (finding.verdict != "fed") finding.relief = relieve(path, job, simulation, wanted);
  if (finding.verdict == "inconclusive") finding.undecided = what_decides(path, finding.loads, profile);

  record::Diagnosis diagnosis;
  diagnosis.workload = profile.name;
  diagnosis.accelerator = profile.accelerator;
  diagnosis.accelerators = accelerators;
  diagnosis.verdict = finding.verdict;
  diagnosis.sentence = sentence(finding);
  diagnosis.undecided = finding.undecided;
  diagnosis.utilization = finding.utilization.value;
  diagnosis.utilization_ci95_low = finding.utilization.low;
  diagnosis.utilization_ci95_high = finding.utilization.high;
  diagnosis.utilization_wanted = wanted;
  diagnosis.step_compute_s = profile.compute_s;
  diagnosis.step_predicted_s = profile.compute_s / finding.utilization.value;
  diagnosis.lost_input = 1 - finding.utilization.value;
  diagnosis.ranking = ranking(finding.loads, demand, accelerators);
  for (const Load& load : finding.binding)
    diagnosis.bottlenecks.push_back(bottleneck(load, demand, accelerators));
  if (finding.binding.empty() && !finding.loads.empty())
    diagnosis.bottlenecks.push_back({{"gpu"}, "compute", demand * accelerators, demand * accelerators, {}});
  if (finding.binding.size() > 1)
    path.notes.emplace_back(
        "the intervals of the hops that are named together overlap: which of them binds first is not known");
  for (const ReliefStep& step : finding.relief)
    diagnosis.relief.push_back({step.hop->resources.front(), step.factor,
                                step.next ? step.next->resources.front() : std::string(), step.utilization});
  diagnosis.notes = std::move(path.notes);
  add_proof(document, profile, wanted, diagnosis);
  diagnosis.explanation = explain_feed(document, profile, path, diagnosis);
  return diagnosis;
}

}  // namespace millrace::diagnose
