// SPDX-License-Identifier: Apache-2.0
// CPU packages, NUMA nodes and their CPUs, by hwloc.
#pragma once

#include <map>
#include <vector>

#include "topology/discover.hpp"
#include "topology/file_root.hpp"

namespace millrace::topology {

struct CpuLayout {
  Cpu cpu;
  std::vector<NumaNode> nodes;
  std::map<int, int> socket_of_node;  // a node without CPUs (CXL, HBM) counts to the nearest node's package
};

// hwloc reads the live machine or, by HWLOC_FSROOT, a recorded one; in both cases by its Linux backend alone,
// so that a snapshot shows what the machine showed. hwloc's OpenCL and X11 plugins are never loaded. Not
// thread-safe: it sets environment variables while hwloc loads.
Result<CpuLayout> read_cpus(const FileRoot& root);

// What hwloc reads from /sys and /proc, touched through `root` so that a recording holds it.
void touch_what_hwloc_reads(const FileRoot& root);

}  // namespace millrace::topology
