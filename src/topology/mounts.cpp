// SPDX-License-Identifier: Apache-2.0
#include "topology/mounts.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <string_view>

namespace millrace::topology {
namespace fs = std::filesystem;
namespace {

// Blanks and backslashes stand as \040 and the like.
std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool octal = text[i] == '\\' && i + 3 < text.size() &&
                       text.substr(i + 1, 3).find_first_not_of("01234567") == std::string::npos;
    plain += octal ? static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8)) : text[i];
    if (octal) i += 3;
  }
  return plain;
}

bool lies_below(const std::string& path, const std::string& point) {
  if (point == "/") return true;
  return path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/');
}

template <std::size_t N>
bool is_one_of(const std::string& text, const std::array<std::string_view, N>& all) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

const BlockDevice* by_number(const BlockDevices& devices, const std::string& number) {
  for (const auto& [name, device] : devices)
    if (device.number == number) return &device;
  return nullptr;
}

const BlockDevice* by_source(const BlockDevices& devices, const std::string& source) {
  if (!source.starts_with("/dev/")) return nullptr;
  for (const auto& [name, device] : devices)
    if (device.node_path == source || "/dev/" + name == source) return &device;
  return nullptr;
}

// A btrfs over several devices lists them all; its mount names one of them.
std::vector<std::string> btrfs_devices(const FileRoot& root, const BlockDevices& devices,
                                       const std::string& one) {
  for (const std::string& id : root.names("/sys/fs/btrfs")) {
    auto names = root.names("/sys/fs/btrfs/" + id + "/devices");
    if (std::find(names.begin(), names.end(), one) == names.end()) continue;
    std::erase_if(names, [&](const std::string& name) { return !devices.contains(name); });
    return names;
  }
  return {one};
}

const BlockDevice* whole(const BlockDevices& devices, const std::string& name) {
  auto it = devices.find(name);
  if (it != devices.end() && !it->second.partition_of.empty()) it = devices.find(it->second.partition_of);
  return it == devices.end() ? nullptr : &it->second;
}

struct Descent {
  const FileRoot& root;
  const std::vector<Mount>& mounts;
  const BlockDevices& devices;
  std::set<std::string> seen;
  std::vector<std::string> drives;

  void into(const std::string& name) {
    const BlockDevice* device = whole(devices, name);
    if (device == nullptr || !seen.insert(device->name).second) return;
    for (const std::string& member : device->members) into(member);
    if (device->kind == "loop") {
      if (const Mount* mount = mount_of(mounts, device->backing_file))
        for (const std::string& below : storage_below(root, mounts, devices, *mount).devices) into(below);
    }
    if (device->is_drive()) drives.push_back(device->name);
  }
};

}  // namespace

std::vector<Mount> read_mounts(const FileRoot& root) {
  std::vector<Mount> mounts;
  for (const std::string& line : root.lines("/proc/self/mountinfo")) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    std::istringstream fields(line);
    std::string id, parent, options, field;
    Mount mount;
    fields >> id >> parent >> mount.number >> mount.subtree >> mount.point >> options;
    while (fields >> field && field != "-") {
    }
    fields >> mount.file_system >> mount.source >> mount.options;
    if (mount.file_system.empty()) continue;
    mount.subtree = unescape(mount.subtree);
    mount.point = unescape(mount.point);
    mount.source = unescape(mount.source);
    mount.options = unescape(mount.options);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

const Mount* mount_of(const std::vector<Mount>& mounts, const fs::path& path) {
  const Mount* deepest = nullptr;
  const std::string text = path.lexically_normal().string();
  for (const Mount& mount : mounts)
    if (lies_below(text, mount.point) && (deepest == nullptr || mount.point.size() >= deepest->point.size()))
      deepest = &mount;
  return deepest;
}

std::string option(const Mount& mount, const std::string& name) {
  std::istringstream all(mount.options);
  for (std::string one; std::getline(all, one, ',');)
    if (one.starts_with(name + "=")) return one.substr(name.size() + 1);
  return {};
}

bool is_kernel_interface(const Mount& mount) {
  constexpr std::array<std::string_view, 22> kInterfaces{
      "proc",           "sysfs",       "cgroup",   "cgroup2",    "devpts",    "securityfs", "debugfs",
      "tracefs",        "pstore",      "bpf",      "mqueue",     "configfs",  "fusectl",    "autofs",
      "nsfs",           "binfmt_misc", "efivarfs", "rpc_pipefs", "selinuxfs", "hugetlbfs",  "nfsd",
      "fuse.gvfsd-fuse"};
  return is_one_of(mount.file_system, kInterfaces);
}

StorageBelow storage_below(const FileRoot& root, const std::vector<Mount>& mounts,
                           const BlockDevices& devices, const Mount& mount) {
  constexpr std::array<std::string_view, 4> kMemory{"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"};
  StorageBelow below;
  below.mount = &mount;
  if (is_one_of(mount.file_system, kMemory)) {
    below.backing = Backing::kMemory;
    return below;
  }
  if (mount.file_system == "overlay") {
    const std::string upper = option(mount, "upperdir");
    const Mount* holder = upper.empty() ? nullptr : mount_of(mounts, upper);
    // A path of the container's host, looked up in the container's table, ends on an overlay again.
    if (holder != nullptr && holder->file_system != "overlay")
      return storage_below(root, mounts, devices, *holder);
    return below;
  }
  const BlockDevice* device = by_number(devices, mount.number);
  if (device == nullptr) device = by_source(devices, mount.source);
  if (device == nullptr) return below;
  below.backing = Backing::kBlock;
  below.devices = mount.file_system == "btrfs" ? btrfs_devices(root, devices, device->name)
                                               : std::vector<std::string>{device->name};
  return below;
}

std::vector<std::string> drives_below(const FileRoot& root, const std::vector<Mount>& mounts,
                                      const BlockDevices& devices, const std::string& name) {
  Descent descent{root, mounts, devices, {}, {}};
  descent.into(name);
  return descent.drives;
}

}  // namespace millrace::topology
