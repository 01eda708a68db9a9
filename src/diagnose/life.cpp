// SPDX-License-Identifier: Apache-2.0
#include "diagnose/life.hpp"

#include <fmt/core.h>

#include "diagnose/explanation.hpp"

namespace millrace::diagnose {

namespace {

record::Diagnosis by_kind(const record::Document& document, const Question& question) {
  switch (question.profile.kind) {
    case workload::Kind::kPretrain:
    case workload::Kind::kFinetune:
      return diagnose_training(document, question);
    case workload::Kind::kCheckpoint:
      return diagnose_checkpoint(document, question);
    case workload::Kind::kRestore:
      return diagnose_restore(document, question);
    case workload::Kind::kColdStart:
      return diagnose_cold_start(document, question);
    case workload::Kind::kServe:
      return diagnose_serving(document, question);
    case workload::Kind::kMix:
      return diagnose_mix(document, question);
    case workload::Kind::kTrainingInput:
      break;
  }
  return diagnose(document, question);
}

}  // namespace

record::Diagnosis diagnose_life(const record::Document& document, const Question& question) {
  record::Diagnosis diagnosis = by_kind(document, question);
  if (!diagnosis.undecided.empty()) diagnosis.sentence += fmt::format(" To decide: {}.", diagnosis.undecided);
  // What could not be summed up has its reason as its whole explanation.
  if (diagnosis.explanation.empty())
    diagnosis.explanation.push_back({part::kVerdict, diagnosis.sentence, "", {}});
  return diagnosis;
}

}  // namespace millrace::diagnose
