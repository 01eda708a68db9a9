// SPDX-License-Identifier: Apache-2.0
// Sets what NVML told beside what sysfs told: the same GPU is one endpoint, found by its PCI address.
#pragma once

#include "topology/discover.hpp"
#include "topology/nvml/answer.hpp"

namespace millrace::topology::nvml {

// Fills host.gpus with the facts, ids in place of PCI addresses; names GPUs that only their PCI number named;
// adds GPUs that sysfs does not show (a container that masks it), and NVLinks (nvlink_graph.hpp). Where NVML
// told nothing on a machine that should have it, host.settings["nvml"] says why.
void attach(Machine& machine, Answer answer);

}  // namespace millrace::topology::nvml
