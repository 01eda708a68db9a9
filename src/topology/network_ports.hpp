// SPDX-License-Identifier: Apache-2.0
// Physical network interfaces and RDMA ports (/sys/class/net, /sys/class/infiniband).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "topology/file_root.hpp"

namespace millrace::topology {

struct NetworkPort {
  std::string interface;  // "eth0"; empty for an RDMA port without one
  std::string rdma;       // "mlx5_0"; empty: no RDMA
  int port = 1;           // of the RDMA device
  std::string pci;
  std::string state;      // operstate ("up") or RDMA port state ("ACTIVE")
  std::string kind;       // "Ethernet", "InfiniBand", "virtio", …
  std::string rate_text;  // "400 Gb/sec (4X NDR)", "100 Gb/s", "speed not told by the driver"
  std::string firmware;
  std::string rdma_device;            // "/dev/infiniband/uverbs0"
  std::optional<double> bytes_per_s;  // each direction; null: unknown, or no carrier
  [[nodiscard]] std::string name() const { return rdma.empty() ? interface : rdma; }
};

// Loopback, bridges, veth, bonds, and SR-IOV virtual functions seen from their host are not physical ports.
// An Ethernet port and the RDMA port on the same PCI function and port number are one.
std::vector<NetworkPort> read_network_ports(const FileRoot& root);

// Bytes/s of what /sys/class/infiniband/*/ports/*/rate says. Up to QDR the figure counts 8b/10b symbols,
// FDR's 64b/66b ones; from EDR on it is the data rate (InfiniBand Architecture Specification, volume 2,
// chapter 5).
std::optional<double> rdma_bytes_per_s(const std::string& rate);

}  // namespace millrace::topology
