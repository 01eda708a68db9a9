// SPDX-License-Identifier: Apache-2.0
#include "fabric/fabric.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace millrace::fabric {
namespace {

constexpr std::array<const char*, kKinds> kKindNames{"nvlink-out",
                                                     "nvlink-in",
                                                     "pcie-out",
                                                     "pcie-in",
                                                     "nic-up",
                                                     "nic-down",
                                                     "leaf-up",
                                                     "leaf-down",
                                                     "spine-up",
                                                     "spine-down",
                                                     "core",
                                                     "storage-read",
                                                     "storage-write",
                                                     "storage-out",
                                                     "storage-in",
                                                     "drive-read",
                                                     "drive-write",
                                                     "storage-nic-up",
                                                     "storage-nic-down",
                                                     "storage-leaf-up",
                                                     "storage-leaf-down",
                                                     "storage-spine-up",
                                                     "storage-spine-down",
                                                     "storage-core"};

std::int64_t parts(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

std::optional<Misfit> kind_misfit(const Fabric& fabric, std::size_t index) {
  const HostKind& kind = fabric.kinds[index];
  const std::int64_t gpus = fabric.gpus_of(kind), nics = fabric.nics_of(kind);
  const bool own = kind.gpus > 0 || kind.nics > 0;
  const auto [few, many] = std::minmax(gpus, nics);
  if (many % few != 0)
    return Misfit{
        own ? fmt::format("/hosts/{}/nics_per_host", index) : "/nics_per_host",
        fmt::format("is {} beside {} GPUs: each GPU must have as many NICs as the others, or as many GPUs "
                    "share each NIC",
                    nics, gpus),
        "count only the NICs that GPUs' traffic takes"};
  if (nics % fabric.rails != 0)
    return Misfit{"/network/rails",
                  fmt::format("is {}, which does not divide the {} NICs of a host{}", fabric.rails, nics,
                              own ? fmt::format(" of kind '{}'", kind.name) : ""),
                  "NIC i is on rail i mod rails: give 1, or a divisor of the NICs"};
  return std::nullopt;
}

std::optional<Misfit> hosts_misfit(const Fabric& fabric) {
  if (fabric.hosts() > kMostHosts)
    return Misfit{
        "/hosts", fmt::format("are {} in all, and at most {} are read", fabric.hosts(), kMostHosts), {}};
  if (fabric.count(Kind::kPcieIn) > kMostGpus || fabric.count(Kind::kNicUp) > kMostGpus)
    return Misfit{"/hosts", fmt::format("have more than {} GPUs or NICs in all", kMostGpus), {}};
  for (std::size_t i = 0; i < fabric.kinds.size(); ++i)
    if (auto misfit = kind_misfit(fabric, i)) return misfit;
  return std::nullopt;
}

// The switches of one network; `at` is where it stands in the file.
struct Tiers {
  std::string at;
  const Leaf& leaf;
  const std::optional<Spine>& spine;
  const std::optional<Core>& core;
  std::int64_t groups, pods;
};

std::optional<Misfit> tiers_misfit(const Tiers& tiers, const Fabric& fabric) {
  if (!tiers.spine && tiers.groups > 1)
    return Misfit{tiers.at,
                  fmt::format("has {} leaf switches a rail for {} hosts and no spine that joins them",
                              tiers.groups, fabric.hosts()),
                  "add a spine, or raise hosts_per_leaf"};
  if (tiers.spine && tiers.leaf.uplinks < 1)
    return Misfit{tiers.at + "/leaf/uplinks", "is missing, and there are spine switches", {}};
  if (!tiers.core && tiers.pods > 1)
    return Misfit{tiers.at, fmt::format("has {} pods and no core that joins them", tiers.pods),
                  "add a core, or raise spine.groups_per_pod"};
  if (tiers.core && !tiers.spine)
    return Misfit{tiers.at + "/core", "joins spine switches, and there are none", {}};
  if (tiers.core && tiers.spine->uplinks < 1)
    return Misfit{tiers.at + "/spine/uplinks", "is missing, and there are core switches", {}};
  return std::nullopt;
}

std::optional<Misfit> switches_misfit(const Fabric& fabric) {
  const StorageNetwork* own = fabric.storage_network();
  if (auto misfit = tiers_misfit(
          {"/network", fabric.leaf, fabric.spine, fabric.core, fabric.groups(), fabric.pods()}, fabric))
    return misfit;
  if (own != nullptr) {
    const std::int64_t hosts = fabric.hosts();
    if (auto misfit = tiers_misfit(
            {"/storage/network", own->leaf, own->spine, own->core, own->leaves(hosts), own->pods(hosts)},
            fabric))
      return misfit;
  }
  for (const Kind kind : {Kind::kLeafUp, Kind::kSpineUp, Kind::kStorageOut, Kind::kStorageNicUp,
                          Kind::kStorageLeafUp, Kind::kStorageSpineUp})
    if (fabric.count(kind) > kMostLinks)
      return Misfit{kind >= Kind::kStorageNicUp ? "/storage/network" : "/network",
                    fmt::format("has more than {} links of kind {}", kMostLinks, to_text(kind)),
                    {}};
  const bool spine = own != nullptr ? own->spine.has_value() : fabric.spine.has_value();
  const bool core = own != nullptr ? own->core.has_value() : fabric.core.has_value();
  if (fabric.storage && ((fabric.storage->attached_to == Tier::kSpine && !spine) ||
                         (fabric.storage->attached_to == Tier::kCore && !core)))
    return Misfit{"/storage/attached_to",
                  fmt::format("is {}, and there are no such switches", to_text(fabric.storage->attached_to)),
                  {}};
  return std::nullopt;
}

}  // namespace

const char* to_text(Tier tier) {
  return tier == Tier::kLeaf ? "leaf" : (tier == Tier::kSpine ? "spine" : "core");
}

const char* to_text(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::optional<Kind> kind_of(std::string_view text) {
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), text);
  if (found == kKindNames.end()) return std::nullopt;
  return static_cast<Kind>(found - kKindNames.begin());
}

std::int64_t Fabric::hosts() const {
  std::int64_t sum = 0;
  for (const HostKind& kind : kinds) sum += kind.hosts;
  return sum;
}

std::vector<AlikeHosts> Fabric::alike_hosts() const {
  std::vector<AlikeHosts> all;
  for (const HostKind& kind : kinds) {
    const std::int64_t gpus = gpus_of(kind), nics = nics_of(kind);
    if (!all.empty() && all.back().gpus == gpus && all.back().nics == nics) {
      all.back().hosts += kind.hosts;
      continue;
    }
    AlikeHosts next{0, kind.hosts, gpus, nics, 0, 0};
    if (!all.empty()) {
      const AlikeHosts& before = all.back();
      next.first_host = before.first_host + before.hosts;
      next.first_gpu = before.first_gpu + before.hosts * before.gpus;
      next.first_nic = before.first_nic + before.hosts * before.nics;
    }
    all.push_back(next);
  }
  return all;
}

AlikeHosts Fabric::alike_at(std::int64_t host) const {
  AlikeHosts found;
  for (const AlikeHosts& alike : alike_hosts())
    if (alike.first_host <= host) found = alike;
  return found;
}

std::int64_t Fabric::groups() const { return parts(hosts(), leaf.hosts); }

std::int64_t StorageNetwork::leaves(std::int64_t hosts) const { return parts(hosts, leaf.hosts); }

std::int64_t StorageNetwork::pods(std::int64_t hosts) const {
  return spine ? parts(leaves(hosts), spine->groups) : 1;
}

std::int64_t Fabric::pods() const { return spine ? parts(groups(), spine->groups) : 1; }

std::int64_t Fabric::count(Kind kind) const {
  const StorageNetwork* own = storage_network();
  std::int64_t sum = 0;
  switch (kind) {
    case Kind::kNvlinkOut:
    case Kind::kNvlinkIn:
    case Kind::kPcieOut:
    case Kind::kPcieIn:
      for (const HostKind& kind_of_host : kinds) sum += kind_of_host.hosts * gpus_of(kind_of_host);
      return sum;
    case Kind::kNicUp:
    case Kind::kNicDown:
      for (const HostKind& kind_of_host : kinds) sum += kind_of_host.hosts * nics_of(kind_of_host);
      return sum;
    case Kind::kLeafUp:
    case Kind::kLeafDown:
      return spine ? leaves() * leaf.uplinks : 0;
    case Kind::kSpineUp:
    case Kind::kSpineDown:
      return core ? pods() * spine->switches * spine->uplinks : 0;
    case Kind::kCore:
      return core ? core->switches : 0;
    case Kind::kStorageRead:
    case Kind::kStorageWrite:
      return storage ? storage->servers : 0;
    case Kind::kStorageOut:
    case Kind::kStorageIn:
      return storage ? storage->servers * storage->links : 0;
    case Kind::kDriveRead:
    case Kind::kDriveWrite:
      return storage ? 0 : hosts();
    case Kind::kStorageNicUp:
    case Kind::kStorageNicDown:
      return own != nullptr ? hosts() * own->nics_per_host : 0;
    case Kind::kStorageLeafUp:
    case Kind::kStorageLeafDown:
      return own != nullptr && own->spine ? own->leaves(hosts()) * own->leaf.uplinks : 0;
    case Kind::kStorageSpineUp:
    case Kind::kStorageSpineDown:
      return own != nullptr && own->core ? own->pods(hosts()) * own->spine->switches * own->spine->uplinks
                                         : 0;
    case Kind::kStorageCore:
      return own != nullptr && own->core ? own->core->switches : 0;
  }
  return 0;
}

std::optional<Misfit> misfit_of(const Fabric& fabric) {
  if (auto misfit = hosts_misfit(fabric)) return misfit;
  if (auto misfit = switches_misfit(fabric)) return misfit;
  for (std::size_t i = 0; i < fabric.overrides.size(); ++i) {
    const Override& one = fabric.overrides[i];
    const std::int64_t count = fabric.count(one.resource);
    if (one.first > one.last || one.last >= count)
      return Misfit{fmt::format("/overrides/{}", i),
                    count == 0 ? fmt::format("names {}, and this fabric has none", to_text(one.resource))
                               : fmt::format("names {} {} to {}, and there are 0 to {}",
                                             to_text(one.resource), one.first, one.last, count - 1),
                    {}};
    if (!one.limit && !one.measured)
      return Misfit{
          fmt::format("/overrides/{}", i), "gives neither limit_bytes_per_s nor measured_bytes_per_s", {}};
  }
  return std::nullopt;
}

}  // namespace millrace::fabric
