// SPDX-License-Identifier: Apache-2.0
// What hosts[] of the result document says about a machine, and what findings about settings are made from.
#pragma once

#include <string>

#include "topology/block_devices.hpp"
#include "topology/cpus.hpp"
#include "topology/discover.hpp"
#include "topology/network_ports.hpp"
#include "topology/pci_devices.hpp"

namespace millrace::topology {

// The hypervisor's name, "virtual machine" where only the CPU tells that there is one, empty on bare metal.
std::string read_hypervisor(const FileRoot& root);

// Name, kernel, CPUs, memory; the drivers of drives, GPUs and network ports with their versions ("kernel"
// where a driver comes with it) and device firmware; settings by these keys, absent where the machine does
// not tell:
//   os, hypervisor, governor, boost, idle_latency_us (the deepest allowed idle state's), clocksource,
//   mitigations, transparent_hugepage, hugepages (reserved bytes), numa_balancing, io_uring_disabled,
//   memlock_bytes ("unlimited" too for a process that may lock without limit), cpus_allowed,
//   kernel_command_line's iommu options as "iommu", and for each whole block device X: scheduler:X,
//   nomerges:X, write_cache:X, io_poll:X, read_ahead_kb:X.
HostFacts read_host_facts(const FileRoot& root, const CpuLayout& layout, const PciDevices& pci,
                          const BlockDevices& blocks, const std::vector<NetworkPort>& ports);

}  // namespace millrace::topology
