// SPDX-License-Identifier: Apache-2.0
// All that is known of one job on a fabric, before it is put into words.
#pragma once

#include <string>
#include <vector>

#include "diagnose/fabric/diagnose.hpp"
#include "diagnose/fabric/share.hpp"

namespace millrace::diagnose {

struct FabricFinding {
  const fabric::Resources* resources = nullptr;
  const FabricJob* job = nullptr;
  const JobLoad* load = nullptr;
  SharedPace pace;           // at the best figures
  double worst_fetch_s = 0;  // the first phase at the low ends of all intervals
  double goal_s = 0;         // a step that takes no longer is as wanted
  double step_low_s = 0,
         step_high_s = 0;  // 95 %; high is infinity where something that matters was not measured
  std::string verdict;
  ClassRates rates;                     // of the job's classes, at the best figures
  std::size_t phase = 0;                // the one that costs most; load->phases.size(): none does
  std::vector<std::size_t> binding;     // classes that set its time; empty: the accelerators do
  std::vector<std::size_t> unmeasured;  // classes that matter and were not measured
  bool measured = false;                // anything that the job crosses
  bool too_close = false;               // binding holds what is not known to bind, by overlapping intervals
  std::vector<FabricRelief> relief;
  std::vector<std::string> others;  // jobs at work beside it
};

record::Diagnosis fabric_record(const FabricFinding& finding);
// Of a job that answers requests: whether the fabric keeps up with them, and whether the budget is kept.
record::Diagnosis fabric_serving(const FabricFinding& finding);

// "llama3-70b-pretrain on 1024 × H100"
std::string who(const FabricFinding& finding);
std::string fabric_sentence(const FabricFinding& finding);
// What would decide an inconclusive verdict.
std::string fabric_undecided(const FabricFinding& finding);
// The sum as one does it by hand (explanation.hpp).
std::vector<record::ExplanationStep> fabric_explanation(const FabricFinding& finding);

}  // namespace millrace::diagnose
