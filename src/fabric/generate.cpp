// SPDX-License-Identifier: Apache-2.0
#include "fabric/generate.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "units/quantity.hpp"

namespace millrace::fabric {
namespace {

constexpr double kGuidedRead = 40e9, kGuidedWrite = 20e9;
constexpr std::int64_t kGuidedHosts = 32;

std::int64_t up(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

// The fewest spines that have ports for all uplinks of a pod's leaves and take as many from each leaf.
std::int64_t spines_for(std::int64_t leaves, std::int64_t uplinks, std::int64_t ports) {
  for (std::int64_t spines = 1; spines < uplinks; ++spines)
    if (uplinks % spines == 0 && leaves * (uplinks / spines) <= ports) return spines;
  return uplinks;
}

// Lays the switches out; false where these ports do not reach.
bool lay_out(Fabric& fabric, const FatTree& wish, std::int64_t radix) {
  const std::int64_t per_leaf = wish.nics / wish.rails;  // ports that a host takes of one
  const double share_down = wish.oversubscription / (1 + wish.oversubscription);
  const std::int64_t down = wish.hosts * per_leaf <= radix  // a leaf that is alone needs no uplinks
                                ? radix
                                : static_cast<std::int64_t>(static_cast<double>(radix) * share_down + 1e-9);
  fabric.leaf.hosts = std::min(down / per_leaf, wish.hosts);
  if (fabric.leaf.hosts < 1) return false;
  if (fabric.groups() == 1) return true;
  fabric.leaf.uplinks = static_cast<std::int64_t>(
      std::ceil(static_cast<double>(fabric.leaf.hosts * per_leaf) / wish.oversubscription - 1e-9));
  fabric.leaf.uplink = wish.nic;
  Spine spine;
  if (fabric.leaves() <= radix) {
    spine.groups = fabric.groups();
    spine.switches = spines_for(fabric.leaves(), fabric.leaf.uplinks, radix);
    fabric.spine = spine;
    return true;
  }
  spine.groups = radix / 2 / wish.rails;
  if (spine.groups < 1) return false;
  spine.switches = fabric.leaf.uplinks;
  spine.uplinks = spine.groups * wish.rails;
  spine.uplink = wish.nic;
  fabric.spine = spine;
  if (fabric.pods() > radix) return false;
  fabric.core.emplace();
  fabric.core->switches = up(fabric.pods() * spine.switches * spine.uplinks, radix);
  fabric.core->throughput = static_cast<double>(radix) * wish.nic;
  return true;
}

// Switches of the fewest ports that reach, of those that may be; 0: none do.
std::int64_t lay_out_least(Fabric& fabric, const FatTree& wish) {
  std::vector<std::int64_t> radices{wish.radix};
  if (wish.radix == 0) radices = {64, 128, 256, 512};
  for (const std::int64_t ports : radices) {
    fabric.leaf = {};
    fabric.spine.reset();
    fabric.core.reset();
    if (lay_out(fabric, wish, ports)) return ports;
  }
  return 0;
}

Error out_of_reach(const FatTree& wish, const char* nics_flag) {
  return {fmt::format("three levels of switches of {} ports do not join {} hosts of {} NICs at an "
                      "oversubscription of {:g}",
                      wish.radix > 0 ? wish.radix : 512, wish.hosts, wish.nics, wish.oversubscription),
          fmt::format("give switches of more ports (--radix), or fewer NICs a host ({})", nics_flag)};
}

// A plain fat tree of the hosts' storage NICs.
Result<void> add_storage_network(Fabric& fabric, const FatTree& given) {
  FatTree wish = given;
  wish.nics = given.storage_nics;
  wish.rails = 1;
  wish.oversubscription = given.storage_oversubscription;
  if (given.storage_nic > 0) wish.nic = given.storage_nic;
  Fabric alone;
  alone.kinds = fabric.kinds;
  if (lay_out_least(alone, wish) == 0) return tl::unexpected(out_of_reach(wish, "--storage-nics"));
  fabric.kinds.front().storage_nic = wish.nic;
  fabric.storage->network = StorageNetwork{wish.nics, alone.leaf, alone.spine, alone.core};
  return {};
}

Result<void> add_storage(Fabric& fabric, const FatTree& wish) {
  Storage storage;
  storage.servers = wish.storage_servers > 0 ? wish.storage_servers : up(wish.hosts, kGuidedHosts);
  const double part = std::min(1.0, static_cast<double>(wish.hosts) / kGuidedHosts);  // of few hosts, a part
  storage.read = wish.storage_read > 0 ? wish.storage_read : kGuidedRead * part;
  storage.write = wish.storage_write > 0 ? wish.storage_write : kGuidedWrite * part;
  storage.link = wish.storage_nics > 0 && wish.storage_nic > 0 ? wish.storage_nic : wish.nic;
  storage.links = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(std::ceil(std::max(*storage.read, *storage.write) / *storage.link)), 1,
      kMostUplinks);
  fabric.storage = storage;
  if (wish.storage_nics > 0)
    if (auto added = add_storage_network(fabric, wish); !added) return added;
  const StorageNetwork* own = fabric.storage_network();
  const int levels = own != nullptr ? own->levels() : fabric.levels();
  const Tier top = levels == 3 ? Tier::kCore : (levels == 2 ? Tier::kSpine : Tier::kLeaf);
  fabric.storage->attached_to = wish.storage_attached_to.value_or(top);
  return {};
}

}  // namespace

Result<Fabric> fat_tree(const FatTree& given) {
  FatTree wish = given;
  if (wish.nics == 0) wish.nics = wish.gpus;
  Fabric fabric;
  fabric.gpus_per_host = wish.gpus;
  fabric.nics_per_host = wish.nics;
  fabric.rails = wish.rails;
  HostKind kind{"host", wish.hosts, wish.nvlink, wish.pcie, wish.nic, {}, {}};
  if (wish.drive_read > 0) kind.drive_read = wish.drive_read;
  if (wish.drive_write > 0) kind.drive_write = wish.drive_write;
  if (wish.gpus == 1) kind.nvlink.reset();
  fabric.kinds = {kind};
  if (wish.nics % wish.rails != 0)
    return failure(fmt::format("--rails {} does not divide the {} NICs of a host", wish.rails, wish.nics),
                   "NIC i is on rail i mod rails: give 1, or a divisor of the NICs");
  const std::int64_t radix = lay_out_least(fabric, wish);
  if (radix == 0) return tl::unexpected(out_of_reach(wish, "--nics"));
  if (wish.storage)
    if (const auto added = add_storage(fabric, wish); !added) return tl::unexpected(added.error());
  fabric.name =
      fmt::format("{} of {} host{} × {} GPU{}", wish.rails > 1 ? "rail-optimised fat tree" : "fat tree",
                  wish.hosts, wish.hosts == 1 ? "" : "s", wish.gpus, wish.gpus == 1 ? "" : "s");
  fabric.source = fmt::format(
      "generated: fat tree, {} NIC{} of {} a host, {} rail{}, switches of {} ports, {:g} : 1 "
      "at the leaves",
      wish.nics, wish.nics == 1 ? "" : "s", to_text(BytesPerSecond{wish.nic}), wish.rails,
      wish.rails == 1 ? "" : "s", radix, wish.oversubscription);
  if (fabric.storage_network() != nullptr)
    fabric.source += fmt::format("; for storage {} NIC{} of {} a host and switches of their own, {:g} : 1",
                                 wish.storage_nics, wish.storage_nics == 1 ? "" : "s",
                                 to_text(BytesPerSecond{*fabric.kinds.front().storage_nic}),
                                 wish.storage_oversubscription);
  if (const auto misfit = misfit_of(fabric))
    return failure(fmt::format("such a fat tree cannot be: {} {}", misfit->pointer, misfit->reason),
                   misfit->hint);
  return fabric;
}

}  // namespace millrace::fabric
