// SPDX-License-Identifier: Apache-2.0
// A finding as the document has it.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "diagnose/fabric/finding.hpp"
#include "diagnose/fabric/names.hpp"

namespace millrace::diagnose {
namespace {

constexpr std::size_t kMostRanked = 24;

// Which part of the step is lost for which purpose.
void split_losses(const FabricFinding& finding, record::Diagnosis& diagnosis) {
  const auto& traffic = finding.load->step.traffic;
  const auto into = [&](std::size_t t) -> double& {
    switch (traffic[t].purpose) {
      case workload::Purpose::kInput:
        return diagnosis.lost_input;
      case workload::Purpose::kCheckpoint:
        return diagnosis.lost_checkpoint;
      default:
        return diagnosis.lost_collective;
    }
  };
  // What several kinds of traffic lose together on one resource, by their bytes on it.
  const auto lose = [&](const std::vector<std::size_t>& which, std::size_t by, double lost_s) {
    const auto& bytes = finding.load->classes[by].of_traffic;
    double sum = 0;
    for (const std::size_t t : which) sum += bytes[t];
    for (const std::size_t t : which)
      if (sum > 0) into(t) += lost_s / finding.pace.step_s * bytes[t] / sum;
  };
  for (std::size_t phase = 0; phase < finding.load->phases.size(); ++phase)
    if (const double lost_s = finding.pace.own.lost_s(phase); lost_s > 0)
      if (const auto slow = slowest(*finding.load, finding.rates, phase); !slow.empty())
        lose(finding.load->phases[phase], slow.front(), lost_s);
  if (!finding.pace.held_by || finding.binding.empty()) return;
  std::vector<std::size_t> all(traffic.size());
  for (std::size_t t = 0; t < all.size(); ++t) all[t] = t;
  lose(all, finding.binding.front(), finding.pace.step_s - finding.pace.own.step_s);
}

// The time in which what a step moves is needed: while it computes, and of a job that is judged by its time,
// in what the wanted time leaves.
double needed_within_s(const FabricFinding& finding) {
  const double compute_s = finding.pace.own.compute_s;
  if (finding.job->wanted_s)
    return finding.goal_s > compute_s ? finding.goal_s - compute_s : finding.pace.step_s;
  return compute_s > 0 ? compute_s : finding.pace.step_s;
}

std::vector<record::RankedHop> ranked(const FabricFinding& finding) {
  const double full_speed_s = needed_within_s(finding);
  std::vector<std::pair<double, const ClassLoad*>> used;
  for (const ClassLoad& load : finding.load->classes)
    used.emplace_back(load.bytes / full_speed_s / finding.resources->classes()[load.of].rate(), &load);
  std::stable_sort(used.begin(), used.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (used.size() > kMostRanked) used.resize(kMostRanked);
  std::vector<record::RankedHop> all;
  for (const auto& [utilization, load] : used) {
    const fabric::Class& one = finding.resources->classes()[load->of];
    record::RankedHop& hop = all.emplace_back();
    hop.resource = class_id(*finding.resources, load->of);
    hop.kind = bottleneck_kind(one.kind);
    hop.name = class_name(*finding.resources, *load);
    hop.needed_bytes_per_s = load->bytes / full_speed_s;
    hop.utilization = utilization;
    hop.limit_bytes_per_s = one.limit;
    if (!one.measured) continue;
    hop.available_bytes_per_s = one.measured->mean;
    hop.available_low = one.measured->ci95_low;
    hop.available_high = one.measured->ci95_high;
  }
  return all;
}

std::string ids_of(const FabricFinding& finding, const std::vector<std::size_t>& classes) {
  std::string text;
  for (std::size_t i = 0; i < std::min(classes.size(), kMostNamed); ++i)
    text += (i == 0 ? "" : " + ") + class_id(*finding.resources, finding.load->classes[classes[i]].of);
  return text + (classes.size() > kMostNamed ? " + …" : "");
}

void add_notes(const FabricFinding& finding, record::Diagnosis& diagnosis) {
  const fabric::Fabric& fabric = finding.resources->fabric();
  if (!finding.measured && !finding.load->classes.empty())
    diagnosis.notes.emplace_back("from limits alone, nothing of the fabric was measured");
  else if (!finding.unmeasured.empty())
    diagnosis.notes.push_back(
        fmt::format("not measured, limits stand in: {}",
                    class_names(*finding.resources, *finding.load, finding.unmeasured)));
  diagnosis.notes.insert(diagnosis.notes.end(), finding.job->notes.begin(), finding.job->notes.end());
  std::size_t discredited = 0;
  for (const ClassLoad& load : finding.load->classes)
    if (finding.resources->classes()[load.of].discredited && ++discredited <= kMostNamed)
      diagnosis.notes.push_back(
          fmt::format("{}: more was measured than the limit, which is discredited and was dropped",
                      class_name(*finding.resources, load)));
  for (std::size_t c = 0; c < finding.load->classes.size(); ++c)
    if (std::isinf(finding.rates[c]))
      diagnosis.notes.push_back(fmt::format("{}: neither measured nor is a limit known; left out",
                                            class_name(*finding.resources, finding.load->classes[c])));
  if (!fabric.storage)
    diagnosis.notes.emplace_back("the fabric has no shared storage: data lie on the hosts' own drives");
  if (finding.too_close)
    diagnosis.notes.emplace_back(
        "the intervals of what is named together overlap: which of them binds first is not known");
  for (const std::string& other : finding.others)
    diagnosis.notes.push_back(fmt::format("{} is at work beside it on the same fabric", other));
}

}  // namespace

record::Diagnosis fabric_record(const FabricFinding& finding) {
  record::Diagnosis diagnosis;
  diagnosis.workload = finding.job->workload;
  diagnosis.accelerator = finding.job->accelerator;
  diagnosis.accelerators = static_cast<int>(finding.load->step.ranks);
  diagnosis.verdict = finding.verdict;
  diagnosis.sentence = fabric_sentence(finding);
  if (finding.verdict == "inconclusive") diagnosis.undecided = fabric_undecided(finding);
  const double compute_s = finding.load->step.compute_s;
  diagnosis.utilization = finding.pace.utilization();
  diagnosis.utilization_ci95_low = compute_s / finding.step_high_s;
  diagnosis.utilization_ci95_high = finding.step_low_s > 0 ? compute_s / finding.step_low_s : 1;
  diagnosis.utilization_wanted = finding.job->wanted_s ? 0 : finding.job->utilization_wanted;
  diagnosis.step_compute_s = compute_s;
  diagnosis.step_predicted_s = finding.pace.step_s;
  split_losses(finding, diagnosis);
  diagnosis.ranking = ranked(finding);
  for (const std::size_t c : finding.binding) {
    if (diagnosis.bottlenecks.size() == kMostNamed) break;
    const ClassLoad& load = finding.load->classes[c];
    diagnosis.bottlenecks.push_back({{class_id(*finding.resources, load.of)},
                                     bottleneck_kind(finding.resources->classes()[load.of].kind),
                                     load.bytes / needed_within_s(finding),
                                     finding.rates[c],
                                     {}});
  }
  if (finding.binding.empty()) diagnosis.bottlenecks.push_back({{"gpu"}, "compute", 0, 0, {}});
  for (const FabricRelief& step : finding.relief)
    diagnosis.relief.push_back(
        {ids_of(finding, step.classes), step.factor, ids_of(finding, step.next), compute_s / step.step_s});
  add_notes(finding, diagnosis);
  diagnosis.explanation = fabric_explanation(finding);
  return diagnosis;
}

}  // namespace millrace::diagnose
