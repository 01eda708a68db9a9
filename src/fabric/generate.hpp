// SPDX-License-Identifier: Apache-2.0
// Fabrics made up from a few figures, as a designer would lay them out.
#pragma once

#include <cstdint>
#include <optional>

#include "fabric/fabric.hpp"
#include "units/result.hpp"

namespace millrace::fabric {

// What a fat tree is made from; the defaults are those of an H100 SuperPOD of 400 Gb/s: NVLink 4 of 18 × 25
// GB/s, PCIe 5 x16 (32 GT/s × 16 × 128/130 ÷ 8 bits = 63 GB/s).
struct FatTree {
  std::int64_t hosts = 16, gpus = 8;
  std::int64_t nics = 0;        // of a host; 0: as many as GPUs
  std::int64_t rails = 1;       // 1: plain; else rail-optimised
  double oversubscription = 1;  // into a leaf ÷ out of it upwards
  std::int64_t radix =
      0;  // ports of a switch; 0: 64, or the next of 128, 256 and 512 where it does not reach
  double nic = 50e9, nvlink = 450e9, pcie = 63.0e9;  // bytes/s
  // Shared storage; what is 0 is scaled from NVIDIA's guidance for the DGX H100 SuperPOD (reference.md,
  // section 8, "better": 40 GB/s reading and 20 writing for 32 nodes, 160 and 80 for 128): a server per 32
  // hosts of these rates.
  std::int64_t storage_servers = 0;
  double storage_read = 0, storage_write = 0;  // of a server
  bool storage = true;                         // false: data lie on the hosts' own drives
  double drive_read = 0, drive_write = 0;      // of a host's drives together; 0: unknown
  std::optional<Tier> storage_attached_to;     // null: the topmost
  // NICs of a host into a network of storage's own, a plain fat tree of the same switches; 0: storage is on
  // the network that GPUs talk over.
  std::int64_t storage_nics = 0;
  double storage_nic = 0;  // bytes/s of one, and of that network's switch ports; 0: as `nic`
  double storage_oversubscription = 1;
};

// Of a leaf's ports oversubscription ÷ (1 + oversubscription) lead down, of a spine's half; two levels where
// a spine has a port for every leaf, else three: pods of ports ÷ 2 leaves. Ports of servers are not counted.
// Fails where three levels do not reach, with what would.
Result<Fabric> fat_tree(const FatTree& wish);

}  // namespace millrace::fabric
