// SPDX-License-Identifier: Apache-2.0
#include "topology/cpus.hpp"

#include <fmt/format.h>
#include <hwloc.h>

#include <cstdlib>
#include <memory>
#include <sstream>

namespace millrace::topology {
namespace {

// hwloc takes its file-system root and its choice of components from the environment alone (hwloc manual,
// "Environment Variables"); what was there before is put back.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name); before != nullptr) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Hwloc = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, Destroy>;

Result<Hwloc> load(const FileRoot& root) {
  const ScopedVariable plugins("HWLOC_PLUGINS_BLACKLIST",
                               "hwloc_opencl.so,hwloc_gl.so,hwloc_cuda.so,hwloc_nvml.so,"
                               "hwloc_rsmi.so,hwloc_levelzero.so,hwloc_pci.so");
  const ScopedVariable components("HWLOC_COMPONENTS", "linux,stop");
  const ScopedVariable fsroot("HWLOC_FSROOT", root.path().string());
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return failure("hwloc cannot start", "is libhwloc15 complete?");
  Hwloc topology(raw);
  // The machine, not the share of it that this process's cgroup allows.
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  hwloc_topology_set_io_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_NONE);
  if (hwloc_topology_load(raw) != 0)
    return failure(fmt::format("hwloc cannot read CPUs and memory below {}", root.path().string()),
                   "a recorded machine needs /sys/devices/system and /proc/cpuinfo; record one with "
                   "`millrace topo --snapshot DIR`");
  return topology;
}

std::vector<int> indexes(hwloc_const_bitmap_t set) {
  std::vector<int> all;
  for (int i = hwloc_bitmap_first(set); i >= 0; i = hwloc_bitmap_next(set, i)) all.push_back(i);
  return all;
}

std::map<int, int> sockets_of_nodes(hwloc_topology_t t, const FileRoot& root) {
  std::map<int, int> socket_of;
  const int packages = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PACKAGE);
  for (hwloc_obj_t node = nullptr;
       (node = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
    for (int p = 0; p < packages; ++p) {
      const hwloc_obj_t package = hwloc_get_obj_by_type(t, HWLOC_OBJ_PACKAGE, static_cast<unsigned>(p));
      if (!hwloc_bitmap_intersects(package->cpuset, node->cpuset)) continue;
      socket_of.emplace(static_cast<int>(node->os_index), p);
      break;
    }
  }
  // A node without CPUs: the package of the node with CPUs that its row of the distance table puts nearest.
  for (hwloc_obj_t node = nullptr;
       (node = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, node)) != nullptr;) {
    const int index = static_cast<int>(node->os_index);
    if (socket_of.contains(index)) continue;
    std::istringstream row(
        root.text(fmt::format("/sys/devices/system/node/node{}/distance", index)).value_or(""));
    int best = 0;
    int nearest = 1 << 30;
    for (hwloc_obj_t other = nullptr;
         (other = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, other)) != nullptr;) {
      int distance = 0;
      if (!(row >> distance)) break;
      const auto socket = socket_of.find(static_cast<int>(other->os_index));
      if (socket == socket_of.end() || hwloc_bitmap_iszero(other->cpuset) || distance >= nearest) continue;
      nearest = distance;
      best = socket->second;
    }
    socket_of.emplace(index, best);
  }
  return socket_of;
}

}  // namespace

Result<CpuLayout> read_cpus(const FileRoot& root) {
  auto loaded = load(root);
  if (!loaded) return tl::unexpected(loaded.error());
  const hwloc_topology_t t = loaded->get();

  CpuLayout layout;
  layout.cpu.sockets = std::max(1, hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PACKAGE));
  layout.cpu.cores = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_CORE);
  layout.cpu.threads = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PU);
  for (const hwloc_obj_t place : {hwloc_get_obj_by_type(t, HWLOC_OBJ_PACKAGE, 0), hwloc_get_root_obj(t)}) {
    const char* model = place == nullptr ? nullptr : hwloc_obj_get_info_by_name(place, "CPUModel");
    if (model == nullptr) continue;
    layout.cpu.model = model;
    break;
  }
  for (hwloc_obj_t node = nullptr;
       (node = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, node)) != nullptr;)
    layout.nodes.push_back(
        {static_cast<int>(node->os_index), node->attr->numanode.local_memory, indexes(node->cpuset)});
  layout.socket_of_node = sockets_of_nodes(t, root);
  return layout;
}

void touch_what_hwloc_reads(const FileRoot& root) {
  const auto touch = [&](const std::string& folder, std::initializer_list<const char*> files) {
    for (const char* file : files) (void)root.bytes(folder + "/" + file);
  };
  const std::string cpus = "/sys/devices/system/cpu";
  touch("/proc", {"cpuinfo", "meminfo"});
  touch(cpus, {"online", "possible", "present", "kernel_max"});
  for (const std::string& name : root.names(cpus)) {
    if (!name.starts_with("cpu") || name.find_first_of("0123456789") != 3) continue;
    const std::string cpu = cpus + "/" + name;
    (void)root.bytes(cpu + "/online");
    touch(cpu + "/topology", {"physical_package_id", "core_id", "die_id", "cluster_id", "book_id",
                              "drawer_id", "package_cpus", "core_siblings", "core_cpus", "thread_siblings",
                              "die_cpus", "cluster_cpus", "book_siblings", "drawer_siblings"});
    for (const std::string& index : root.names(cpu + "/cache"))
      touch(cpu + "/cache/" + index, {"level", "type", "size", "coherency_line_size", "number_of_sets",
                                      "physical_line_partition", "shared_cpu_map", "id"});
    touch(cpu + "/cpufreq", {"cpuinfo_max_freq", "base_frequency"});
    (void)root.bytes(cpu + "/cpu_capacity");
  }
  const std::string nodes = "/sys/devices/system/node";
  touch(nodes, {"online", "possible"});
  for (const std::string& name : root.names(nodes)) {
    if (!name.starts_with("node")) continue;
    touch(nodes + "/" + name, {"cpumap", "cpulist", "meminfo", "distance"});
    for (const std::string& size : root.names(nodes + "/" + name + "/hugepages"))
      touch(nodes + "/" + name + "/hugepages/" + size, {"nr_hugepages"});
  }
  for (const std::string& size : root.names("/sys/kernel/mm/hugepages"))
    touch("/sys/kernel/mm/hugepages/" + size, {"nr_hugepages"});
}

}  // namespace millrace::topology
