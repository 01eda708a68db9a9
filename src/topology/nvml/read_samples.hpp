// SPDX-License-Identifier: Apache-2.0
// Readings of GPUs while they are measured. To be called in a child process: see sampler.hpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "topology/nvml/gpu_sample.hpp"
#include "units/quantity.hpp"

namespace millrace::topology::nvml {

// Reads the GPUs at these PCI addresses once at the start, then in turns until `asked_to_end` says so, and
// once more.
std::vector<GpuSample> read_samples(const std::vector<std::string>& pci,
                                    const std::function<bool(Duration)>& asked_to_end);

}  // namespace millrace::topology::nvml
