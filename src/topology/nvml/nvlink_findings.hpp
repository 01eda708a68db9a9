// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "topology/discover.hpp"

namespace millrace::topology::nvml {

// Links are judged by their like: a board may have links that nothing is plugged into, and NVML does not tell
// what a link's rate should be. Down: while GPUs of the same name have more that are up (a warning), or while
// others of the same GPU are up (a note). Slow: below the fastest of all GPUs of the same name.
std::vector<Finding> examine_nvlinks(const std::vector<GpuFacts>& gpus);

}  // namespace millrace::topology::nvml
