// SPDX-License-Identifier: Apache-2.0
#include "topology/usable_cpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "topology/cgroup_limits.hpp"

namespace millrace::topology {
namespace {

constexpr std::string_view kAllowedLabel = "Cpus_allowed_list:";

// "0-3,8" of those that are `online`; a list that reads otherwise ends where it does.
std::set<int> cpus_in(std::string_view list, const std::set<int>& online) {
  std::set<int> cpus;
  while (!list.empty()) {
    int first = 0;
    auto read = std::from_chars(list.data(), list.data() + list.size(), first);
    if (read.ec != std::errc()) break;
    list.remove_prefix(static_cast<std::size_t>(read.ptr - list.data()));
    int last = first;
    if (list.starts_with('-')) {
      list.remove_prefix(1);
      read = std::from_chars(list.data(), list.data() + list.size(), last);
      if (read.ec != std::errc()) break;
      list.remove_prefix(static_cast<std::size_t>(read.ptr - list.data()));
    }
    cpus.insert(online.lower_bound(first), online.upper_bound(std::max(first, last)));
    if (!list.starts_with(',')) break;
    list.remove_prefix(1);
  }
  return cpus;
}

std::string allowed_list(const FileRoot& root) {
  for (const std::string& line : root.lines("/proc/self/status")) {
    if (!line.starts_with(kAllowedLabel)) continue;
    const auto start = line.find_first_not_of(" \t", kAllowedLabel.size());
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return {};
}

}  // namespace

void read_usable_cpus(const FileRoot& root, CpuLayout& layout) {
  Cpu& cpu = layout.cpu;
  cpu.usable_threads = cpu.threads;
  std::set<int> online;
  for (const NumaNode& node : layout.nodes) online.insert(node.cpus.begin(), node.cpus.end());
  const std::set<int> allowed = cpus_in(allowed_list(root), online);
  if (!allowed.empty() && allowed.size() < online.size()) {
    const std::set<int> by_group = cpus_in(group_cpuset(root), online);
    const bool group_leaves_more = by_group.empty() || by_group.size() > allowed.size();
    cpu.usable_threads = static_cast<double>(allowed.size());
    cpu.limited_by = group_leaves_more ? "affinity" : "cpuset";
  }
  for (const CgroupLimit& limit : read_cgroup_limits(root)) {
    if (limit.controller != "cpu" || limit.value >= *cpu.usable_threads) continue;
    cpu.usable_threads = limit.value;
    cpu.limited_by = "quota";
  }
}

double usable_threads(const Cpu& cpu) {
  const bool told = cpu.usable_threads && *cpu.usable_threads > 0;
  return told ? *cpu.usable_threads : static_cast<double>(cpu.threads);
}

std::string cpu_limit_reason(const Cpu& cpu) {
  if (usable_threads(cpu) >= cpu.threads) return {};
  if (cpu.limited_by == "cpuset") return "a cpuset allows no more";
  if (cpu.limited_by == "affinity") return "the CPU affinity allows no more";
  if (cpu.limited_by == "quota") return "a CPU quota allows no more";
  return "no more may be used";
}

std::string usable_cpus_words(const Cpu& cpu) {
  const std::string reason = cpu_limit_reason(cpu);
  return reason.empty()
             ? reason
             : fmt::format("{:.3g} of {} hardware threads: {}", usable_threads(cpu), cpu.threads, reason);
}

}  // namespace millrace::topology
