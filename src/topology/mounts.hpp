// SPDX-License-Identifier: Apache-2.0
// The mount table (/proc/self/mountinfo; proc(5)) and what a path lies on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "topology/block_devices.hpp"
#include "topology/file_root.hpp"

namespace millrace::topology {

struct Mount {
  std::string number;  // "254:0"; "0:…" where the file system has no device of its own (btrfs, nfs, overlay)
  std::string subtree;      // the part of the file system that is mounted: "/", a subvolume, a bound folder
  std::string point;        // "/data"
  std::string file_system;  // "ext4"
  std::string source;       // "/dev/vda1", "server:/export", "tmpfs"
  std::string options;      // the super block's: "rw,lowerdir=…,upperdir=…"
};

std::vector<Mount> read_mounts(const FileRoot& root);

// The mount that `path` (absolute, without links) is below; of several at the same point the last covers the
// rest.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::filesystem::path& path);

// One option's value: option(mount, "upperdir").
std::string option(const Mount& mount, const std::string& name);

enum class Backing { kBlock, kMemory, kFileSystem };
struct StorageBelow {
  Backing backing = Backing::kFileSystem;
  std::vector<std::string> devices;  // kBlock: block devices (btrfs may have several), partitions included
  const Mount* mount = nullptr;      // where the bytes really lie; kFileSystem: what is named as the resource
};
// What holds the bytes of files on a mount. An overlay is followed to where new files go (upperdir), if that
// can be seen from here; inside a container it mostly cannot.
StorageBelow storage_below(const FileRoot& root, const std::vector<Mount>& mounts,
                           const BlockDevices& devices, const Mount& mount);

// Whole drives below a block device, through partitions, dm, md and loop.
std::vector<std::string> drives_below(const FileRoot& root, const std::vector<Mount>& mounts,
                                      const BlockDevices& devices, const std::string& name);

// Kernel interfaces that hold no data: proc, sysfs, cgroup, …
bool is_kernel_interface(const Mount& mount);

}  // namespace millrace::topology
