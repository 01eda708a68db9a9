// SPDX-License-Identifier: Apache-2.0
// Verdicts on what is no training input, from one host's document: training as far as a host tells,
// checkpoints, restores, cold starts, serving, and mixes of these.
#pragma once

#include <string>

#include "diagnose/diagnose.hpp"
#include "diagnose/host_rates.hpp"

namespace millrace::diagnose {

// By the profile's kind. Where a measurement is missing without which nothing can be said the verdict is
// "inconclusive" and `undecided` names it; given figures that stand in are said in `notes`.
record::Diagnosis diagnose_life(const record::Document& document, const Question& question);

// Training on the GPUs of this host: the traffic among them by collective measurements, input and checkpoints
// by storage. A job that reaches beyond the host, or does not fit it, is inconclusive.
record::Diagnosis diagnose_training(const record::Document& document, const Question& question);
// The share of the time that a job keeps for itself.
record::Diagnosis diagnose_checkpoint(const record::Document& document, const Question& question);
// Seconds from start to ready, and from failure to going on.
record::Diagnosis diagnose_cold_start(const record::Document& document, const Question& question);
record::Diagnosis diagnose_restore(const record::Document& document, const Question& question);
// What a fabric tells of serving, where it stands in a host document's place.
struct FabricFetch {
  HopRate read;           // for all replicas together; a mean of 0: nothing is fetched over it
  std::string undecided;  // what to measure before anything is called in time; empty: nothing
};
// The latency budget. On a fabric the document is empty, and the profile's figures are given.
record::Diagnosis diagnose_serving(const record::Document& document, const Question& question,
                                   const FabricFetch* fabric = nullptr);
// Several jobs that share this host's storage, max-min fairly in steps per second.
record::Diagnosis diagnose_mix(const record::Document& document, const Question& question);

}  // namespace millrace::diagnose
