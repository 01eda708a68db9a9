// SPDX-License-Identifier: Apache-2.0
#include "topology/cgroup_limits.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "topology/mounts.hpp"
#include "units/quantity.hpp"

namespace millrace::topology {
namespace {

struct Group {
  std::string folder;  // of this process's group
  std::string top;     // where the hierarchy is mounted
  bool version_2 = false;
};

bool has_word(const std::string& list, std::string_view word) {
  return fmt::format(",{},", list).find(fmt::format(",{},", word)) != std::string::npos;
}

// "7:blkio:/docker/abc" below the mount of the blkio hierarchy; version 2's line is "0::/path".
std::vector<Group> groups_of(const FileRoot& root, const std::vector<Mount>& mounts,
                             std::string_view controller) {
  std::vector<Group> groups;
  for (const std::string& line : root.lines("/proc/self/cgroup")) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool version_2 = line.starts_with("0:") && controllers.empty();
    if (!version_2 && !has_word(controllers, controller)) continue;
    for (const Mount& mount : mounts) {
      const bool mine = version_2 ? mount.file_system == "cgroup2"
                                  : mount.file_system == "cgroup" && has_word(mount.options, controller);
      if (!mine) continue;
      // A container sees its own group mounted as the top.
      if (mount.subtree != "/" && path.starts_with(mount.subtree)) path.erase(0, mount.subtree.size());
      groups.push_back({mount.point + (path == "/" ? "" : path), mount.point, version_2});
      break;
    }
  }
  return groups;
}

// The group's folder and those above it, as far as they are mounted here.
std::vector<std::string> upwards(const Group& group) {
  std::vector<std::string> folders;
  for (std::filesystem::path at = group.folder; at.string().size() >= group.top.size();
       at = at.parent_path()) {
    folders.push_back(at.string());
    if (at == at.parent_path()) break;
  }
  return folders;
}

std::string device_name(const FileRoot& root, const std::string& number) {
  const std::string name = root.link_name("/sys/dev/block/" + number);
  return name.empty() ? number : name;
}

void add_io_limit(const FileRoot& root, const std::string& file, const std::string& number, bool reads,
                  bool bytes, double value, const std::string& lift, std::vector<CgroupLimit>& limits) {
  const std::string device = device_name(root, number);
  const std::string rate = bytes ? to_text(BytesPerSecond{value}) : fmt::format("{:g} operations/s", value);
  limits.push_back({"io", device,
                    fmt::format("{} of {} are held to {}", reads ? "reads" : "writes", device, rate), file,
                    lift, value});
}

void read_io(const FileRoot& root, const Group& group, const std::string& folder,
             std::vector<CgroupLimit>& limits) {
  if (!group.version_2) {
    for (const char* name : {"read_bps", "write_bps", "read_iops", "write_iops"}) {
      const std::string file = fmt::format("{}/blkio.throttle.{}_device", folder, name);
      for (const std::string& line : root.lines(file)) {  // "254:0 41943040"
        std::istringstream fields(line);
        std::string number;
        double value = 0;
        if (!(fields >> number >> value) || value <= 0) continue;
        add_io_limit(root, file, number, name[0] == 'r', std::string_view(name).ends_with("bps"), value,
                     number + " 0", limits);
      }
    }
    return;
  }
  const std::string file = folder + "/io.max";
  for (const std::string& line : root.lines(file)) {  // "254:0 rbps=41943040 wbps=max riops=max wiops=max"
    std::istringstream fields(line);
    std::string number;
    fields >> number;
    for (std::string field; fields >> field;) {
      const auto equals = field.find('=');
      if (equals == std::string::npos || field.substr(equals + 1) == "max") continue;
      const std::string key = field.substr(0, equals);
      add_io_limit(root, file, number, key[0] == 'r', key.ends_with("bps"),
                   std::strtod(field.c_str() + equals + 1, nullptr), fmt::format("{} {}=max", number, key),
                   limits);
    }
  }
}

void read_cpu(const FileRoot& root, const Group& group, const std::string& folder,
              std::vector<CgroupLimit>& limits) {
  double quota = -1;
  double period = 100000;
  std::string file = folder + "/cpu.max";  // "150000 100000" or "max 100000"
  if (group.version_2) {
    std::istringstream fields(root.text(file).value_or("max"));
    std::string first;
    fields >> first >> period;
    if (first != "max") quota = std::strtod(first.c_str(), nullptr);
  } else {
    file = folder + "/cpu.cfs_quota_us";
    quota = static_cast<double>(root.number(file).value_or(-1));
    period = static_cast<double>(root.number(folder + "/cpu.cfs_period_us").value_or(100000));
  }
  if (quota <= 0 || period <= 0) return;
  limits.push_back({"cpu", "", fmt::format("CPU time is held to {:.3g} CPUs", quota / period), file,
                    group.version_2 ? "max" : "-1", quota / period});
}

void read_memory(const FileRoot& root, const Group& group, const std::string& folder,
                 std::vector<CgroupLimit>& limits) {
  constexpr double kUnlimited = 1e18;  // version 1 shows the largest page-aligned 64-bit number
  const std::string file = folder + (group.version_2 ? "/memory.max" : "/memory.limit_in_bytes");
  const double bytes = std::strtod(root.text(file).value_or("").c_str(), nullptr);
  if (bytes <= 0 || bytes >= kUnlimited) return;
  limits.push_back({"memory", "",
                    fmt::format("memory, page cache included, is held to {}",
                                to_binary(Bytes{static_cast<std::uint64_t>(bytes)})),
                    file, group.version_2 ? "max" : "-1", bytes});
}

}  // namespace

std::vector<CgroupLimit> read_cgroup_limits(const FileRoot& root) {
  std::vector<CgroupLimit> limits;
  const std::vector<Mount> mounts = read_mounts(root);
  const auto each = [&](std::string_view controller, auto&& read) {
    for (const Group& group : groups_of(root, mounts, controller))
      for (const std::string& folder : upwards(group)) read(root, group, folder, limits);
  };
  each("blkio", read_io);
  each("cpu", read_cpu);
  each("memory", read_memory);
  return limits;
}

std::string group_cpuset(const FileRoot& root) {
  const std::vector<Mount> mounts = read_mounts(root);
  for (const Group& group : groups_of(root, mounts, "cpuset"))
    for (const std::string& folder : upwards(group))
      if (const auto cpus =
              root.text(folder + (group.version_2 ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus")))
        return *cpus;
  return {};
}

}  // namespace millrace::topology
