// SPDX-License-Identifier: Apache-2.0
// GPUs whose nearest network port or drive is on another NUMA node: their bytes cross the inter-socket link.
#pragma once

#include <vector>

#include "topology/discover.hpp"

namespace millrace::topology {

// One finding for each NUMA node and kind of neighbour, from the graph alone. Ports count from 10 Gb/s, RDMA
// ports alone where there are any; a machine that has no port or drive of the kind has nothing to be near to.
std::vector<Finding> examine_placement(const Machine& machine);

}  // namespace millrace::topology
