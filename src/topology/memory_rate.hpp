// SPDX-License-Identifier: Apache-2.0
// What the memory modules of a NUMA node can deliver, from the firmware's table (SMBIOS type 17).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "topology/file_root.hpp"

namespace millrace::topology {

struct MemoryModule {
  std::string slot;     // "P0_Node0_Channel0_Dimm0 / DIMM_A1"
  std::string channel;  // what is common to the modules of one channel; empty: the slot's name does not tell
  int megatransfers_per_s = 0;  // as configured
  int data_bits = 0;
};

// One entry of /sys/firmware/dmi/entries/17-*/raw (System Management BIOS Reference Specification 3.4, 7.18);
// null for an empty slot, an unknown speed, or bytes that are no such entry.
std::optional<MemoryModule> parse_memory_module(const std::string& raw);

struct MemoryRate {
  std::optional<double> bytes_per_s;  // one NUMA node's
  std::string source;                 // how it was derived, or why it is unknown
};
// transfers/s · data width ÷ 8, summed over channels (two modules on a channel share it), divided evenly by
// `nodes` NUMA nodes. Unknown rather than guessed where slots do not name their channel or do not divide
// evenly.
MemoryRate memory_rate_per_node(const std::vector<MemoryModule>& modules, int nodes);
std::vector<MemoryModule> read_memory_modules(const FileRoot& root);

}  // namespace millrace::topology
