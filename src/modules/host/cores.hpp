// SPDX-License-Identifier: Apache-2.0
// Which CPUs measuring threads run on, and how large a region must be to be out of the caches' reach.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace millrace::host {

// One CPU of each core of a NUMA node that this thread may run on, in order of number; when `node` is unknown
// here, of all. Where several CPUs share a core (SMT), the others follow after one of each.
std::vector<int> cpus_of_node(int node, const std::filesystem::path& sysfs = "/sys");

// How many cores those are.
std::size_t cores_of_node(int node, const std::filesystem::path& sysfs = "/sys");

// All last-level caches together, in bytes; 0: unknown.
std::uint64_t last_level_caches(const std::filesystem::path& sysfs = "/sys");

// Keeps the calling thread on one CPU. False where the kernel refuses.
bool pin_to(int cpu);

}  // namespace millrace::host
