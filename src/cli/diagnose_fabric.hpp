// SPDX-License-Identifier: Apache-2.0
// `millrace diagnose` where the document is a fabric.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "units/result.hpp"
#include "workload/profile.hpp"

namespace millrace::cli {

struct FabricDiagnoses {
  std::string description;    // of the fabric, for people
  record::Document document;  // with the diagnoses
};

// Workloads at the same time, each on its share (in percent) of the accelerators, as a mix. Fails where there
// is not a share for each, or they are more than the whole.
Result<workload::Profile> mix_of(const std::vector<std::string>& workloads,
                                 const std::vector<double>& shares);

// Of each workload by itself; of a mix its jobs together. `accelerators`: 0 is all of the fabric's.
Result<FabricDiagnoses> diagnose_fabric(const std::string& file,
                                        const std::vector<workload::Profile>& profiles, int accelerators,
                                        std::optional<double> utilization_wanted);

}  // namespace millrace::cli
