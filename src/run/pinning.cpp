// SPDX-License-Identifier: Apache-2.0
#include "run/pinning.hpp"

#include <sched.h>

#include <algorithm>
#include <map>

namespace millrace::run {

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

std::vector<std::vector<int>> assign_cpus(const std::vector<WorkerPlan>& workers,
                                          const topology::HostFacts& host, const std::vector<int>& allowed) {
  const auto cores_of = [&](int node) {
    std::vector<int> cores;
    for (const topology::NumaNode& candidate : host.numa)
      if (candidate.index == node)
        for (const int cpu : candidate.cpus)
          if (std::find(allowed.begin(), allowed.end(), cpu) != allowed.end()) cores.push_back(cpu);
    return cores.empty() ? allowed : cores;
  };
  std::map<int, std::size_t> single;  // workers of one thread, per node
  for (const WorkerPlan& worker : workers)
    if (worker.threads == 1) ++single[worker.numa_node];
  std::map<int, std::size_t> taken;
  std::vector<std::vector<int>> assigned;
  for (const WorkerPlan& worker : workers) {
    std::vector<int> cores = cores_of(worker.numa_node);
    if (worker.threads == 1 && single[worker.numa_node] < cores.size())
      cores = {cores[cores.size() - 1 - taken[worker.numa_node]++]};
    assigned.push_back(std::move(cores));
  }
  return assigned;
}

}  // namespace millrace::run
