// SPDX-License-Identifier: Apache-2.0
// NVLinks in the graph. GPUs on NVSwitches: one vertex "nvswitch:0" for all switches of the host, since each
// GPU is linked to each of them, and for each GPU its links together as "nvlink:gpu:0:out" and "…:in", since
// the GPU spreads its bytes over them. Without a switch: the links between two GPUs together,
// "nvlink:gpu:0-gpu:1" for each direction.
#pragma once

#include <vector>

#include "topology/gpu_facts.hpp"
#include "topology/graph.hpp"

namespace millrace::topology::nvml {

// Limits are active links x their rates as NVML tells them: of signalling, so that packets' overhead is not
// counted. The links stand first in the graph: where a way over NVLink is as short as one over PCIe, bytes
// take it.
void add_nvlinks(Topology& graph, const std::vector<GpuFacts>& gpus);

}  // namespace millrace::topology::nvml
