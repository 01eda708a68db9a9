// SPDX-License-Identifier: Apache-2.0
// Options that say nothing to some kinds of workload: said, and never passed over in silence.
#pragma once

#include <string>
#include <vector>

#include "units/result.hpp"
#include "workload/profile.hpp"

namespace millrace::cli {

// --utilization: training and checkpoints are judged by it; answers and loadings by their time. --prep: only
// training input is prepared. A mix is judged as its jobs are. What is to be remarked, empty where the option
// is for all of them; fails where it is for none.
Result<std::string> utilization_applies(const std::vector<workload::Profile>& profiles);
Result<std::string> prep_applies(const std::vector<workload::Profile>& profiles);

// `millrace workloads W --accelerators N`: fails where no workload named can be on so many, or none of them
// depends on a count.
Result<void> count_applies(const std::vector<workload::Profile>& profiles, std::int64_t accelerators);

}  // namespace millrace::cli
