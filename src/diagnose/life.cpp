// SPDX-License-Identifier: Apache-2.0
#include "diagnose/life.hpp"

namespace millrace::diagnose {

record::Diagnosis diagnose_life(const record::Document& document, const Question& question) {
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

}  // namespace millrace::diagnose
