// SPDX-License-Identifier: Apache-2.0
#include "modules/host/cores.hpp"

#include <fmt/format.h>
#include <numa.h>
#include <sched.h>

#include <charconv>
#include <fstream>
#include <set>
#include <string>

namespace millrace::host {
namespace {

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

std::vector<int> allowed_on(int node) {
  const std::vector<int> allowed = allowed_cpus();
  std::vector<int> on_node;
  if (numa_available() >= 0)
    for (const int cpu : allowed)
      if (numa_node_of_cpu(cpu) == node) on_node.push_back(cpu);
  return on_node.empty() ? allowed : on_node;
}

// CPUs with the same text share a core.
std::string core_of(int cpu, const std::filesystem::path& sysfs) {
  const std::string siblings =
      first_line(sysfs / fmt::format("devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
  return siblings.empty() ? std::to_string(cpu) : siblings;
}

// "32768K" -> bytes
std::uint64_t cache_size(const std::string& text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc{}) return 0;
  if (end != text.data() + text.size() && *end == 'K') size <<= 10;
  if (end != text.data() + text.size() && *end == 'M') size <<= 20;
  return size;
}

}  // namespace

std::vector<int> cpus_of_node(int node, const std::filesystem::path& sysfs) {
  std::vector<int> first, rest;
  std::set<std::string> seen;
  for (const int cpu : allowed_on(node))
    (seen.insert(core_of(cpu, sysfs)).second ? first : rest).push_back(cpu);
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

std::size_t cores_of_node(int node, const std::filesystem::path& sysfs) {
  std::set<std::string> seen;
  for (const int cpu : allowed_on(node)) seen.insert(core_of(cpu, sysfs));
  return seen.size();
}

std::uint64_t last_level_caches(const std::filesystem::path& sysfs) {
  std::set<std::string> seen;
  std::uint64_t total = 0;
  for (const int cpu : allowed_cpus()) {
    const auto cache = sysfs / fmt::format("devices/system/cpu/cpu{}/cache/index3", cpu);
    const std::string shared = first_line(cache / "shared_cpu_list");
    if (!shared.empty() && seen.insert(shared).second) total += cache_size(first_line(cache / "size"));
  }
  return total;
}

bool pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

}  // namespace millrace::host
