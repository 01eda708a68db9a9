// SPDX-License-Identifier: Apache-2.0
// Which cores a worker runs on.
#pragma once

#include <vector>

#include "run/describe.hpp"
#include "topology/discover.hpp"

namespace millrace::run {

// The cores that this process may use (its affinity: a container's or Slurm's share).
std::vector<int> allowed_cpus();

// For each worker, in order: its NUMA node's cores among `allowed` (all of them where the node is unknown or
// has none there). A worker of one thread gets a core of its own, the highest first since interrupts tend to
// land on the lowest, as long as there are more cores than single-threaded workers on that node; else it
// shares.
std::vector<std::vector<int>> assign_cpus(const std::vector<WorkerPlan>& workers,
                                          const topology::HostFacts& host, const std::vector<int>& allowed);

}  // namespace millrace::run
