// SPDX-License-Identifier: Apache-2.0
// How many of the hardware threads of its host a process may use.
#pragma once

#include <string>

#include "topology/cpus.hpp"
#include "topology/discover.hpp"
#include "topology/file_root.hpp"

namespace millrace::topology {

// Sets usable_threads and limited_by of the layout's CPU, from what this process may use:
//  - the threads that it may be scheduled on (Cpus_allowed_list, proc(5)), which a cpuset of its control
//  group
//    may leave it (cpuset.cpus.effective, Documentation/admin-guide/cgroup-v2.rst; cpuset.effective_cpus of
//    version 1) or else its CPU affinity (sched_setaffinity(2): taskset, numactl, Slurm);
//  - the CPU time of its control group's quota and of those above it (cpu.max, cpu.cfs_quota_us), where that
//    is less than as many threads have.
// Where /proc tells nothing: all threads, limited by nothing.
void read_usable_cpus(const FileRoot& root, CpuLayout& layout);

// usable_threads; where a document does not tell it, all threads.
double usable_threads(const Cpu& cpu);

// "a cpuset allows no more"; empty where nothing limits, or the document does not tell.
std::string cpu_limit_reason(const Cpu& cpu);
// "2 of 64 hardware threads: a cpuset allows no more"; empty likewise.
std::string usable_cpus_words(const Cpu& cpu);

}  // namespace millrace::topology
