// SPDX-License-Identifier: Apache-2.0
#include "topology/discover.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdlib>

#include "topology/discovery.hpp"
#include "topology/graph_builder.hpp"
#include "topology/host_facts.hpp"
#include "topology/nvml/ask.hpp"
#include "topology/nvml/attach.hpp"
#include "topology/usable_cpus.hpp"

namespace millrace::topology {
namespace fs = std::filesystem;
namespace {

// The path without links; or which part of it is missing.
Result<fs::path> existing(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  const fs::path real = fs::canonical(absolute, error);
  if (!error) return real;
  if (error == std::errc::permission_denied)
    return failure(fmt::format("{} cannot be looked at: {}", path.string(), error.message()),
                   "run as a user who may, or give another path");
  fs::path parent = absolute.lexically_normal();
  while (parent.has_relative_path() && !fs::exists(parent, error)) parent = parent.parent_path();
  return failure(
      fmt::format("{} does not exist; {} is the nearest folder that does", path.string(), parent.string()),
      fmt::format("make it with `mkdir -p {}`, or give a path below {}", absolute.string(), parent.string()));
}

// The block device that `path` itself is; null: it is none that holds data.
const BlockDevice* device_at(const FileRoot& root, const fs::path& path, const BlockDevices& blocks) {
  std::string number;
  struct stat info = {};
  if (root.is_live() && ::stat(path.c_str(), &info) == 0 && S_ISBLK(info.st_mode))
    number = fmt::format("{}:{}", major(info.st_rdev), minor(info.st_rdev));
  for (const auto& [name, device] : blocks)
    if (root.is_live() ? device.number == number : path == "/dev/" + name || path == device.node_path)
      return &device;
  return nullptr;
}

void lie_on(const BlockDevice& device, PathLocation& location) {
  location.endpoint = "storage:" + (device.partition_of.empty() ? device.name : device.partition_of);
  location.sysfs_block = device.name;
}

}  // namespace

Result<Machine> discover(const FileRoot& root) {
  auto cpus = read_cpus(root);
  if (!cpus) return tl::unexpected(cpus.error());
  read_usable_cpus(root, *cpus);
  const Inventory have = read_inventory(root, std::move(*cpus));
  Machine machine;
  machine.host = read_host_facts(root, have.cpus, have.pci, have.blocks, have.ports);
  machine.graph = build_graph(root, have, PciNames());
  const auto gpus = std::count_if(machine.graph.endpoints.begin(), machine.graph.endpoints.end(),
                                  [](const Endpoint& e) { return e.kind == "gpu"; });
  const bool live = root.path() == machine_root();
  nvml::attach(machine, nvml::ask(root, live, nvml::patience_with(static_cast<std::size_t>(gpus))));
  return machine;
}

Result<Machine> discover(const fs::path& root) {
  std::error_code error;
  if (!fs::exists(root, error))
    return failure(fmt::format("{}: there is nothing there", root.string()),
                   "give a recorded machine (`millrace topo --snapshot DIR` makes one) or a document");
  if (root != "/" && !fs::is_directory(root / "sys", error))
    return failure(fmt::format("{} is no recorded machine: it has no folder `sys`", root.string()),
                   "record one with `millrace topo --snapshot DIR`");
  auto machine = discover(FileRoot(root));
  if (machine && root != "/" && root == machine_root())
    machine->host.settings["machine-root"] = root.string();
  return machine;
}

fs::path machine_root() {
  const char* elsewhere = std::getenv("MILLRACE_MACHINE_ROOT");
  return elsewhere == nullptr || *elsewhere == '\0' ? "/" : elsewhere;
}

Result<PathLocation> locate(const Machine& machine, const fs::path& path, const fs::path& root_path) {
  const FileRoot root(root_path);
  fs::path real = path.lexically_normal();
  if (root.is_live()) {
    auto found = existing(path);
    if (!found) return tl::unexpected(found.error());
    real = *found;
  }
  const std::vector<Mount> mounts = read_mounts(root);
  const BlockDevices blocks = read_block_devices(root);
  if (const BlockDevice* device = device_at(root, real, blocks); device != nullptr) {
    PathLocation location{"", "", real.string(), "", {}, ""};
    lie_on(*device, location);
    for (const std::string& drive : drives_below(root, mounts, blocks, device->name))
      location.drives.push_back("storage:" + drive);
    return location;
  }
  const Mount* mount = mount_of(mounts, real);
  if (mount == nullptr)
    return failure(fmt::format("no mount holds {}", real.string()),
                   "is /proc mounted, and the path absolute? (/proc/self/mountinfo tells the mounts)");
  if (is_kernel_interface(*mount))
    return failure(fmt::format("{} lies on {}, an interface of the kernel that stores nothing", real.string(),
                               mount->file_system),
                   "give a folder on a drive, a network file system or a tmpfs");
  const StorageBelow below = storage_below(root, mounts, blocks, *mount);

  PathLocation location{mount->point, mount->file_system, mount->source, "", {}, ""};
  if (below.backing == Backing::kMemory) {
    for (const Endpoint& endpoint : machine.graph.endpoints)
      if (location.endpoint.empty() && endpoint.kind == "memory") location.endpoint = endpoint.id;
    return location;
  }
  location.endpoint = file_system_id(mounts, *below.mount);
  if (below.devices.size() == 1) lie_on(blocks.at(below.devices.front()), location);
  for (const std::string& device : below.devices)
    for (const std::string& drive : drives_below(root, mounts, blocks, device))
      location.drives.push_back("storage:" + drive);
  return location;
}

}  // namespace millrace::topology
