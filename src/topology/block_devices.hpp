// SPDX-License-Identifier: Apache-2.0
// Block devices and what they are stacked on (/sys/class/block; Documentation/ABI/stable/sysfs-block).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "topology/file_root.hpp"

namespace millrace::topology {

struct BlockDevice {
  std::string name;  // "nvme0n1"
  std::string
      kind;  // "nvme", "nvme-fabric", "virtio", "scsi", "md", "dm", "loop", "network", "pmem", "other"
  std::string number;        // "254:0"
  std::string partition_of;  // the whole device; empty: it is one
  std::string pci;           // function that it hangs on; empty: none
  std::string model, serial, firmware;
  std::string detail;        // md level, dm name, NVMe fabric transport and address, SATA speed
  std::string node_path;     // "/dev/nvme0n1"
  std::string backing_file;  // loop
  std::uint64_t size_bytes = 0;
  std::optional<int> numa;
  std::vector<std::string> members;  // the devices just below: sysfs `slaves`
  [[nodiscard]] bool is_drive() const { return partition_of.empty() && members.empty() && kind != "loop"; }
};

// All that holds data now, by name: partitions too; not zram, RAM disks, optical drives, empty or hidden
// devices.
using BlockDevices = std::map<std::string, BlockDevice>;
BlockDevices read_block_devices(const FileRoot& root);

}  // namespace millrace::topology
