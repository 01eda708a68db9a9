// SPDX-License-Identifier: Apache-2.0
// What NVML told, for people.
#pragma once

#include <string>

#include "topology/discover.hpp"

namespace millrace::topology::nvml {

// A row a GPU, then how each reaches each other one. Empty where NVML told nothing. Lines end in '\n'.
std::string describe_gpus(const HostFacts& host, int width);

}  // namespace millrace::topology::nvml
