// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "topology/gpu_facts.hpp"
#include "topology/nvml/library.hpp"

namespace millrace::topology::nvml {

// The NVLinks that a GPU has, down ones included; empty without NVLink. NVML counts a link's rate in 10^6
// bytes a second of signalling in one direction: 26562 of NVLink 4 is 2 lanes x 106.25 Gb/s, which carry 25
// GB/s of data.
std::vector<NvLink> read_nvlinks(const Library& nvml, nvmlDevice_t device);

}  // namespace millrace::topology::nvml
