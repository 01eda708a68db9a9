// SPDX-License-Identifier: Apache-2.0
// What else runs on the machine before it is measured: a load takes CPUs, and rates and latencies show it.
#pragma once

#include <vector>

#include "topology/discover.hpp"
#include "topology/file_root.hpp"

namespace millrace::topology {

// By the pressure of the last ten seconds (Documentation/accounting/psi.rst: the share of time in which
// something that could run waited for a CPU), 5 % or more; where the kernel tells none, by the load average
// of the last minute (proc_loadavg(5)), half of the CPUs or more.
std::vector<Finding> examine_load(const HostFacts& host, const FileRoot& root);

}  // namespace millrace::topology
