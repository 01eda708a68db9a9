// SPDX-License-Identifier: Apache-2.0
// `millrace topo` for fabrics: shows one from a file, or makes one up.
#pragma once

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "fabric/generate.hpp"

namespace millrace::cli {

struct FabricOptions {
  std::string kind;  // of what is to be generated; empty: nothing
  fabric::FatTree tree;
  std::string nic, nvlink, pcie, storage = "shared", storage_tier, storage_read, storage_write, storage_nic;
  bool storage_network = false;
};

void add_fabric_options(CLI::App& command, const std::shared_ptr<FabricOptions>& options);
// Makes the fabric, writes it to `json` where that is not empty, and shows it unless that is standard output.
Result<void> generate_fabric(const FabricOptions& options, const std::string& json);
Result<void> show_fabric(const std::string& file, const std::string& json);

}  // namespace millrace::cli
