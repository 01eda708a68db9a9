// SPDX-License-Identifier: Apache-2.0
// Reads GPUs in a child process while something is measured, several times a second.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/guarded_child.hpp"
#include "topology/nvml/gpu_sample.hpp"

namespace millrace::topology::nvml {

class Sampler {
 public:
  // Of the GPUs at these PCI addresses. The caller is single-threaded. Without NVML there are no samples.
  static Result<Sampler> start(const std::vector<std::string>& pci);

  // Takes a last reading and gives all, in order of time. An Error where NVML hung or crashed.
  Result<std::vector<GpuSample>> finish();

 private:
  explicit Sampler(GuardedChild child) : child_(std::move(child)) {}
  GuardedChild child_;
};

}  // namespace millrace::topology::nvml
