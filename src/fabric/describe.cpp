// SPDX-License-Identifier: Apache-2.0
#include "fabric/describe.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "units/quantity.hpp"

namespace millrace::fabric {
namespace {

struct Noun {
  const char *one, *several, *direction;
};
constexpr std::array<Noun, kKinds> kNouns{{{"GPU's NVLink", "GPUs' NVLinks", "sending"},
                                           {"GPU's NVLink", "GPUs' NVLinks", "receiving"},
                                           {"GPU's PCIe link", "GPUs' PCIe links", "out of the GPU"},
                                           {"GPU's PCIe link", "GPUs' PCIe links", "into the GPU"},
                                           {"NIC", "NICs", "sending"},
                                           {"NIC", "NICs", "receiving"},
                                           {"leaf uplink", "leaf uplinks", "upwards"},
                                           {"leaf uplink", "leaf uplinks", "downwards"},
                                           {"spine uplink", "spine uplinks", "upwards"},
                                           {"spine uplink", "spine uplinks", "downwards"},
                                           {"core switch", "core switches", ""},
                                           {"storage server", "storage servers", "reading"},
                                           {"storage server", "storage servers", "writing"},
                                           {"storage server's link", "storage servers' links", "sending"},
                                           {"storage server's link", "storage servers' links", "receiving"},
                                           {"host's drives", "hosts' drives", "reading"},
                                           {"host's drives", "hosts' drives", "writing"},
                                           {"storage NIC", "storage NICs", "sending"},
                                           {"storage NIC", "storage NICs", "receiving"},
                                           {"storage leaf uplink", "storage leaf uplinks", "upwards"},
                                           {"storage leaf uplink", "storage leaf uplinks", "downwards"},
                                           {"storage spine uplink", "storage spine uplinks", "upwards"},
                                           {"storage spine uplink", "storage spine uplinks", "downwards"},
                                           {"storage core switch", "storage core switches", ""}}};

std::string rate(const Limit& limit) { return limit ? to_text(BytesPerSecond{*limit}) : "rate unknown"; }

std::string counted(std::int64_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

// What a leaf takes from its hosts ÷ what it passes on; nothing where that is unknown.
std::optional<double> oversubscription(const Fabric& fabric) {
  if (!fabric.spine || !fabric.leaf.uplink || !fabric.kinds.front().nic) return std::nullopt;
  if (fabric.alike_hosts().size() > 1) return std::nullopt;  // it is another one at every leaf
  const std::int64_t nics_of_rail = fabric.nics_of(fabric.kinds.front()) / fabric.rails;
  const double down = static_cast<double>(fabric.leaf.hosts * nics_of_rail) * *fabric.kinds.front().nic;
  return down / (static_cast<double>(fabric.leaf.uplinks) * *fabric.leaf.uplink);
}

std::string hosts_text(const Fabric& fabric) {
  std::string out;
  for (const HostKind& kind : fabric.kinds) {
    std::vector<std::string> parts{counted(fabric.gpus_of(kind), "GPU", "GPUs")};
    if (kind.nvlink) parts.push_back("NVLink " + rate(kind.nvlink) + " a GPU");
    if (kind.pcie) parts.push_back("PCIe " + rate(kind.pcie) + " a GPU");
    parts.push_back(counted(fabric.nics_of(kind), "NIC", "NICs") + " of " + rate(kind.nic));
    if (const StorageNetwork* own = fabric.storage_network())
      parts.push_back(counted(own->nics_per_host, "storage NIC", "storage NICs") + " of " +
                      rate(kind.storage_nic));
    if (kind.drive_read) parts.push_back("drives read " + rate(kind.drive_read));
    if (kind.drive_write) parts.push_back("drives write " + rate(kind.drive_write));
    out += fmt::format("  hosts    {} × {}: {}\n", kind.hosts, kind.name, fmt::join(parts, ", "));
  }
  return out;
}

std::string switches_text(const Fabric& fabric) {
  std::string out =
      fmt::format("  leaf     {}, {} behind each{}", counted(fabric.leaves(), "switch", "switches"),
                  counted(fabric.leaf.hosts, "host", "hosts"),
                  fabric.rails > 1 ? fmt::format(", one a rail of {}", fabric.rails) : "");
  if (fabric.spine)
    out += fmt::format(", {} of {} each", counted(fabric.leaf.uplinks, "uplink", "uplinks"),
                       rate(fabric.leaf.uplink));
  out += "\n";
  if (fabric.spine) {
    out += fmt::format("  spine    {} in {}",
                       counted(fabric.pods() * fabric.spine->switches, "switch", "switches"),
                       counted(fabric.pods(), "pod", "pods"));
    if (fabric.core)
      out += fmt::format(", {} of {} each", counted(fabric.spine->uplinks, "uplink", "uplinks"),
                         rate(fabric.spine->uplink));
    out += "\n";
  }
  if (fabric.core)
    out += fmt::format("  core     {}\n", counted(fabric.core->switches, "switch", "switches"));
  return out;
}

// "             leaf 4 switches, 32 hosts behind each, 64 uplinks of 50 GB/s each; spine 8 switches"
std::string storage_network_text(const Fabric& fabric, const StorageNetwork& own) {
  const std::int64_t hosts = fabric.hosts(), pods = own.pods(hosts);
  std::string out = fmt::format(
      "           its own network of {}: leaf {}, {} behind each", counted(own.levels(), "level", "levels"),
      counted(own.leaves(hosts), "switch", "switches"), counted(own.leaf.hosts, "host", "hosts"));
  if (own.spine)
    out += fmt::format(", {} of {} each; spine {} in {}", counted(own.leaf.uplinks, "uplink", "uplinks"),
                       rate(own.leaf.uplink), counted(pods * own.spine->switches, "switch", "switches"),
                       counted(pods, "pod", "pods"));
  if (own.core)
    out += fmt::format(", {} of {} each; core {}", counted(own.spine->uplinks, "uplink", "uplinks"),
                       rate(own.spine->uplink), counted(own.core->switches, "switch", "switches"));
  return out + "\n";
}

std::string overrides_text(const Fabric& fabric) {
  std::map<Kind, std::pair<std::int64_t, std::int64_t>> told, measured;  // entries, resources
  for (const Override& one : fabric.overrides) {
    auto& into = (one.measured ? measured : told)[one.resource];
    ++into.first;
    into.second += one.last - one.first + 1;
  }
  std::string out;
  for (const auto& [all, what] : {std::pair{&told, "differ"}, std::pair{&measured, "measured"}})
    for (const auto& [kind, count] : *all)
      out += fmt::format(
          "  {:<8} {} ({}), {}\n", what,
          counted(std::min(count.second, fabric.count(kind)), noun(kind, false), noun(kind, true)),
          to_text(kind), counted(count.first, "entry", "entries"));
  return out;
}

}  // namespace

std::string noun(Kind kind, bool several) {
  const Noun& noun = kNouns[static_cast<std::size_t>(kind)];
  return several ? noun.several : noun.one;
}

std::string direction(Kind kind) { return kNouns[static_cast<std::size_t>(kind)].direction; }

std::optional<double> bisection(const Fabric& fabric) {
  double nics = 0;
  for (const HostKind& kind : fabric.kinds) {
    if (!kind.nic) return std::nullopt;
    nics += static_cast<double>(kind.hosts * fabric.nics_of(kind)) * *kind.nic;
  }
  double least = nics;
  if (fabric.spine && fabric.groups() > 1) {
    if (!fabric.leaf.uplink) return std::nullopt;
    least = std::min(least, static_cast<double>(fabric.count(Kind::kLeafUp)) * *fabric.leaf.uplink);
  }
  if (fabric.core && fabric.pods() > 1) {
    if (!fabric.spine->uplink) return std::nullopt;
    least = std::min(least, static_cast<double>(fabric.count(Kind::kSpineUp)) * *fabric.spine->uplink);
  }
  return least / 2;
}

std::string describe(const Fabric& fabric) {
  std::string out = fmt::format("{}: {}\n", fabric.name.empty() ? "fabric" : fabric.name,
                                counted(fabric.count(Kind::kPcieIn), "GPU", "GPUs"));
  out += hosts_text(fabric);
  out += fmt::format(
      "  network  {} of switches, {}\n", counted(fabric.levels(), "level", "levels"),
      fabric.rails > 1 ? fmt::format("rail-optimised ({} rails)", fabric.rails) : "plain fat tree");
  out += switches_text(fabric);
  if (const auto ratio = oversubscription(fabric))
    out += fmt::format("  oversubscription {:.3g} : 1 at the leaves\n", *ratio);
  if (const auto rate_of_halves = bisection(fabric); rate_of_halves && fabric.hosts() > 1)
    out += fmt::format("  bisection {} one way\n", to_text(BytesPerSecond{*rate_of_halves}));
  if (fabric.storage)
    out += fmt::format("  storage  {} on the {} switches: read {}, write {}, {} of {} each\n",
                       counted(fabric.storage->servers, "server", "servers"),
                       to_text(fabric.storage->attached_to), rate(fabric.storage->read),
                       rate(fabric.storage->write), counted(fabric.storage->links, "link", "links"),
                       rate(fabric.storage->link));
  else
    out += "  storage  the hosts' own drives\n";
  if (const StorageNetwork* own = fabric.storage_network()) out += storage_network_text(fabric, *own);
  out += overrides_text(fabric);
  if (!fabric.source.empty()) out += fmt::format("  source   {}\n", fabric.source);
  return out;
}

}  // namespace millrace::fabric
