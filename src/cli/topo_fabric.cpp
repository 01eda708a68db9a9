// SPDX-License-Identifier: Apache-2.0
#include "cli/topo_fabric.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/number_within.hpp"
#include "fabric/describe.hpp"
#include "record/document.hpp"
#include "units/quantity.hpp"

namespace millrace::cli {
namespace {

Result<void> set_rate(const char* flag, const std::string& text, double& into) {
  if (text.empty()) return {};
  const auto rate = parse_rate(text);
  if (!rate) return failure(fmt::format("{}: {}", flag, rate.error().what), rate.error().hint);
  if (!(rate->value >= fabric::kSlowestRate && rate->value <= fabric::kFastestRate))
    return failure(fmt::format("{}: '{}' is not from 1 B/s to 1e18 B/s", flag, text));
  into = rate->value;
  return {};
}

Result<void> write_and_show(const fabric::Fabric& fabric, const std::string& json) {
  if (!json.empty())
    if (auto written = record::write_text(fabric::to_json(fabric), json); !written) return written;
  if (json != "-") fmt::print("{}", fabric::describe(fabric));
  return {};
}

}  // namespace

void add_fabric_options(CLI::App& command, const std::shared_ptr<FabricOptions>& options) {
  const std::string group = "Making up a fabric (--generate)";
  command
      .add_option("--generate", options->kind,
                  "Make up a fabric of hosts and switches, instead of looking at one")
      ->check(CLI::IsMember({"fat-tree"}))
      ->group(group);
  const auto number = [&](const char* flag, std::int64_t& into, const char* what, std::int64_t least,
                          std::int64_t most) {
    return command.add_option(flag, into, what)->check(CLI::Range(least, most))->group(group);
  };
  fabric::FatTree& tree = options->tree;
  number("--hosts", tree.hosts, "Hosts [16]", 1, fabric::kMostHosts);
  number("--gpus", tree.gpus, "GPUs of a host [8]", 1, fabric::kMostPerHost);
  number("--nics", tree.nics, "NICs of a host that GPUs' traffic takes [as many as GPUs]", 1,
         fabric::kMostPerHost);
  number("--rails", tree.rails, "Rails: NIC i of every host on leaves of rail i [1: a plain fat tree]", 1,
         fabric::kMostPerHost);
  command.add_option("--oversubscription", tree.oversubscription, "Into a leaf ÷ out of it upwards [1]")
      ->check(number_within(1, 64))
      ->group(group);
  number("--radix", tree.radix,
         "Ports of a switch [64, or the next of 128, 256 and 512 where it does not reach]", 4, 4096);
  command.add_option("--nic-rate", options->nic, "Of a NIC and of each switch port, one way [400Gb/s]")
      ->group(group);
  command.add_option("--nvlink-rate", options->nvlink, "Of a GPU, one way [450GB/s]")->group(group);
  command.add_option("--pcie-rate", options->pcie, "Of a GPU, one way [63GB/s]")->group(group);
  command.add_option("--storage", options->storage, "Where data lie [shared]")
      ->check(CLI::IsMember({"shared", "local"}))
      ->group(group);
  number("--storage-servers", tree.storage_servers, "Of shared storage [one for 32 hosts]", 1,
         fabric::kMostServers);
  command
      .add_option("--storage-read", options->storage_read,
                  "Of a server, or with --storage local of a host's drives [40GB/s for 32 hosts, fewer in "
                  "proportion; "
                  "local: unknown]")
      ->group(group);
  command
      .add_option("--storage-write", options->storage_write,
                  "Of a server, or with --storage local of a host's drives [20GB/s for 32 hosts, fewer in "
                  "proportion; "
                  "local: unknown]")
      ->group(group);
  command
      .add_option("--storage-tier", options->storage_tier,
                  "The switches that servers are attached to [the topmost]")
      ->check(CLI::IsMember({"leaf", "spine", "core"}))
      ->group(group);
  CLI::Option* own = command
                         .add_flag("--storage-network", options->storage_network,
                                   "Storage on NICs and switches of its own, a plain fat tree beside the "
                                   "other one; its servers are attached to the topmost of these")
                         ->group(group);
  // Two: a port of each of the two dual-port cards that a DGX H100 has beside its eight compute NICs (DGX
  // H100/H200 User Guide, "Network Connections, Cables, and Adaptors").
  number("--storage-nics", tree.storage_nics, "NICs of a host into the storage network [2]", 1,
         fabric::kMostPerHost)
      ->needs(own);
  command
      .add_option("--storage-nic-rate", options->storage_nic,
                  "Of such a NIC, of that network's switch ports and of a server's links [as --nic-rate]")
      ->needs(own)
      ->group(group);
  command
      .add_option("--storage-oversubscription", tree.storage_oversubscription,
                  "Into a leaf of the storage network ÷ out of it upwards [1]")
      ->needs(own)
      ->check(number_within(1, 64))
      ->group(group);
  // Of a machine or a file that is shown they would say nothing.
  CLI::Option* generate = command.get_option("--generate");
  for (CLI::Option* option : command.get_options())
    if (option->get_group() == group && option != generate) option->needs(generate);
  for (const char* other : {"--from", "--path", "--snapshot"}) generate->excludes(command.get_option(other));
}

Result<void> generate_fabric(const FabricOptions& options, const std::string& json) {
  fabric::FatTree tree = options.tree;
  tree.storage = options.storage == "shared";
  if (!tree.storage && (tree.storage_servers > 0 || !options.storage_tier.empty() || options.storage_network))
    return failure(fmt::format("--{}: with --storage local there are no servers",
                               options.storage_network    ? "storage-network"
                               : tree.storage_servers > 0 ? "storage-servers"
                                                          : "storage-tier"),
                   "leave it out, or --storage local");
  if (options.storage_network && tree.storage_nics == 0) tree.storage_nics = 2;
  for (const auto& [flag, text, into] :
       {std::tuple{"--nic-rate", &options.nic, &tree.nic},
        std::tuple{"--nvlink-rate", &options.nvlink, &tree.nvlink},
        std::tuple{"--pcie-rate", &options.pcie, &tree.pcie},
        std::tuple{"--storage-nic-rate", &options.storage_nic, &tree.storage_nic},
        std::tuple{"--storage-read", &options.storage_read,
                   tree.storage ? &tree.storage_read : &tree.drive_read},
        std::tuple{"--storage-write", &options.storage_write,
                   tree.storage ? &tree.storage_write : &tree.drive_write}})
    if (auto set = set_rate(flag, *text, *into); !set) return set;
  if (!options.storage_tier.empty())
    tree.storage_attached_to = options.storage_tier == "core"    ? fabric::Tier::kCore
                               : options.storage_tier == "spine" ? fabric::Tier::kSpine
                                                                 : fabric::Tier::kLeaf;
  const auto made = fabric::fat_tree(tree);
  if (!made) return tl::unexpected(made.error());
  return write_and_show(*made, json);
}

Result<void> show_fabric(const std::string& file, const std::string& json) {
  const auto read = fabric::read_fabric(file);
  if (!read) return tl::unexpected(read.error());
  return write_and_show(*read, json);
}

}  // namespace millrace::cli
