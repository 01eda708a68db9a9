// SPDX-License-Identifier: Apache-2.0
// Stands for read_facts.cpp and read_samples.cpp in a build that had no nvml.h.
#include "topology/nvml/read_facts.hpp"
#include "topology/nvml/read_samples.hpp"

namespace millrace::topology::nvml {

Answer read_facts() { return {false, "Millrace was built without nvml.h", "", {}}; }

std::vector<GpuSample> read_samples(const std::vector<std::string>&, const std::function<bool(Duration)>&) {
  return {};
}

}  // namespace millrace::topology::nvml
