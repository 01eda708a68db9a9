// SPDX-License-Identifier: Apache-2.0
// Findings from what NVML told, as hosts[].gpus[] has it: a document gives the same ones as the machine did.
#pragma once

#include <vector>

#include "topology/discover.hpp"

namespace millrace::topology::nvml {

// NVLinks that are down or slow beside their like, what holds clocks down, memory errors and remapped rows,
// heat, persistence mode, pairs without peer access, GPUs that are lost, and NVML itself where it told
// nothing.
std::vector<Finding> examine_gpus(const Machine& machine);

}  // namespace millrace::topology::nvml
