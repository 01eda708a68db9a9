// SPDX-License-Identifier: Apache-2.0
// Which measurements of a document answer for which hop of a workload's feed path (see conventions.hpp).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/result.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

using MeasuredSet = std::vector<const record::Measurement*>;  // that ran together; one alone is a set of one

// The number that a parameter holds, whatever its JSON type; nothing where it is absent or text.
std::optional<double> number(const record::Measurement& measurement, std::string_view parameter);
std::string text(const record::Measurement& measurement, std::string_view parameter);

// All successful measurements of a probe that moved bytes, those that ran together as one set.
std::vector<MeasuredSet> sets_of(const record::Document& document, std::string_view probe);

struct StorageEvidence {
  MeasuredSet set;       // empty: nothing was measured
  bool as_model = true;  // read as this model reads; else with another access pattern
};
// Of the sets that read as the model does (else of the unlabelled ones, else of any), the one that read
// from several drives at once, of those the one that moved most.
StorageEvidence storage_evidence(const record::Document& document, const std::string& model);

// The pipeline's stages alone: synthetic source, with no compute if there is such a run; null where there is
// none.
const record::Measurement* stage_evidence(const record::Document& document, const workload::Profile& profile);
// A preparation that the stages of this model were measured with, where the workload has another; else "".
std::string other_preparation(const record::Document& document, const workload::Profile& profile);
// The pipeline for real, with the workload's compute, from a cold source; null where there is none.
const record::Measurement* proof_of(const record::Document& document, const workload::Profile& profile);
// The same by GPUDirect Storage, which the verdict does not rest on; null where there is none.
const record::Measurement* direct_run_of(const record::Document& document, const workload::Profile& profile);

}  // namespace millrace::diagnose
