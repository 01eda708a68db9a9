// SPDX-License-Identifier: Apache-2.0
// Turns what was read of a machine into the graph of graph.hpp:
//
//   storage ── drive ── pci_device ── PCIe link ── (switch ── its uplink) ── socket ── memory controller ──
//   memory
//
// GPUs and network ports stand where the drive stands; sockets are joined by inter-socket links. Devices on
// the root complex without a link of their own hang on the socket.
#pragma once

#include "topology/block_devices.hpp"
#include "topology/cpus.hpp"
#include "topology/graph.hpp"
#include "topology/memory_rate.hpp"
#include "topology/mounts.hpp"
#include "topology/network_ports.hpp"
#include "topology/pci_devices.hpp"
#include "topology/pci_names.hpp"
#include "topology/pcie_links.hpp"

namespace millrace::topology {

struct Inventory {
  CpuLayout cpus;
  MemoryRate memory_rate;  // of each NUMA node with CPUs
  PciDevices pci;
  BlockDevices blocks;
  std::vector<NetworkPort> ports;
  std::vector<Mount> mounts;
  bool virtual_machine = false;
};
Inventory read_inventory(const FileRoot& root, CpuLayout cpus);

Topology build_graph(const FileRoot& root, const Inventory& inventory, const PciNames& names);

// "file_system:/mnt": by the first mount point of the same file system, so that a bind mount is no second
// one.
std::string file_system_id(const std::vector<Mount>& mounts, const Mount& mount);

}  // namespace millrace::topology
