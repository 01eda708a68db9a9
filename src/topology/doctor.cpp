// SPDX-License-Identifier: Apache-2.0
#include "topology/doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "topology/cgroup_limits.hpp"
#include "topology/discovery.hpp"
#include "topology/load_findings.hpp"
#include "topology/network_ports.hpp"
#include "topology/nvml/findings.hpp"
#include "topology/pci_devices.hpp"
#include "topology/pcie_links.hpp"
#include "topology/placement_findings.hpp"
#include "topology/setting_findings.hpp"

namespace millrace::topology {
namespace {

bool is_virtual(const Machine& machine) { return machine.host.settings.contains("hypervisor"); }

std::string folder_of(const std::string& address) { return "/sys/bus/pci/devices/" + address; }

// The bridge above a function; empty at the root complex.
std::string port_above(const FileRoot& root, const std::string& address) {
  const auto real = root.resolve(folder_of(address));
  const std::string above = real ? real->parent_path().filename().string() : std::string();
  return is_pci_address(above) ? above : std::string();
}

struct Ends {
  LinkRate running, child_maximum, port_maximum;  // port: unknown in a virtual machine, where it is emulated
};

Ends read_ends(const FileRoot& root, const std::string& address, bool virtual_machine) {
  Ends ends;
  ends.running = read_link_rate(root, folder_of(address), "current");
  ends.child_maximum = read_link_rate(root, folder_of(address), "max");
  const std::string port = virtual_machine ? std::string() : port_above(root, address);
  if (port.empty()) return ends;
  ends.port_maximum = read_link_rate(root, folder_of(port), "max");
  if (!ends.running.known()) ends.running = read_link_rate(root, folder_of(port), "current");
  return ends;
}

// Of a link whose rate means something: an emulated one has no limit, and nothing to be judged by.
bool is_upward_link(const Resource& resource) {
  const bool kind = resource.kind == "pcie_link" || resource.kind == "pcie_switch_uplink";
  return kind && resource.limit_bytes_per_s && resource.id.ends_with(":read") && !resource.pci.empty();
}

// Links that carry what Millrace looks at: those above a drive, a GPU or a network port, switch uplinks
// included.
std::set<std::string> links_in_use(const Machine& machine) {
  std::set<std::string> used;
  std::string memory;
  for (const Endpoint& e : machine.graph.endpoints)
    if (memory.empty() && e.kind == "memory") memory = e.id;
  for (const Endpoint& e : machine.graph.endpoints) {
    const bool carries = e.kind == "gpu" || e.kind == "storage" || e.kind == "nic" || e.kind == "rdma";
    if (!carries || e.pci.empty()) continue;
    for (const Hop& hop : path_between(machine.graph, e.id, memory)) used.insert(hop.resource);
  }
  return used;
}

void examine_links(const Machine& machine, const FileRoot& root, bool under_load,
                   std::vector<Finding>& found) {
  const std::set<std::string> used = links_in_use(machine);
  const bool in_guest = is_virtual(machine);
  struct Idle {
    const Resource* resource;
    std::string name;
    LinkRate running, possible;
  };
  std::vector<Idle> idle;
  for (const Resource& resource : machine.graph.resources) {
    if (!is_upward_link(resource) || !used.contains(resource.id)) continue;
    const Ends ends = read_ends(root, resource.pci, in_guest);
    const std::string name = resource.name.substr(0, resource.name.find(", towards"));
    LinkRate possible = ends.child_maximum;
    if (ends.port_maximum.known()) {
      possible.gt_per_s = std::min(possible.gt_per_s, ends.port_maximum.gt_per_s);
      possible.width = std::min(possible.width, ends.port_maximum.width);
      const bool slot_is_less = payload_rate(possible, Direction::kTowardsMemory, {}) <
                                payload_rate(ends.child_maximum, Direction::kTowardsMemory, {});
      if (slot_is_less)
        found.push_back({"pcie-slot-below-device", "note", resource.id,
                         fmt::format("the slot gives {} to the {} ({}), which could use {}",
                                     to_text(possible), name, resource.pci, to_text(ends.child_maximum)),
                         "move the device to a wider or faster slot, if it should deliver more"});
    }
    const bool narrow = ends.running.known() && ends.running.width < possible.width;
    const bool slow = ends.running.known() && ends.running.gt_per_s < possible.gt_per_s;
    if (slow && !narrow && !under_load) idle.push_back({&resource, name, ends.running, possible});
    if (!narrow && !(slow && under_load)) continue;
    std::string when = under_load ? " under load" : " now, while idle; a reading under load will tell";
    if (in_guest) when += "; in a virtual machine the reading may be the hypervisor's";
    found.push_back(
        {"pcie-link-below-maximum", under_load && !in_guest ? "warning" : "note", resource.id,
         fmt::format("the {} ({}) runs at {}, both ends could {}{}", name, resource.pci,
                     to_text(ends.running), to_text(possible), when),
         fmt::format("look at `sudo lspci -vv -s {}` (LnkCap, LnkSta), reseat the device or its riser, and "
                     "check the slot in the firmware's setup",
                     resource.pci)});
  }
  if (idle.empty()) return;
  // Idle devices train down: one note for all of them.
  std::vector<std::string> names;
  names.reserve(idle.size());
  for (const Idle& link : idle) names.push_back(link.name.substr(link.name.find(" of ") + 4));
  const Idle& first = idle.front();
  found.push_back(
      {"pcie-link-below-maximum", "note", idle.size() == 1 ? first.resource->id : "",
       fmt::format("idle now, so slower than they could be: the PCIe links of {} ({} runs at {} of {}); a "
                   "reading under load will tell",
                   fmt::join(names, ", "), names.front(), to_text(first.running), to_text(first.possible)),
       "nothing, unless a measurement shows them slow under load"});
}

void examine_access_control(const Machine& machine, const FileRoot& root, std::vector<Finding>& found) {
  // It matters where devices talk to each other below the root complex: GPUs with ports, drives or other
  // GPUs.
  std::set<std::string> bridges;
  for (const Endpoint& e : machine.graph.endpoints) {
    if (e.kind != "gpu" && e.kind != "rdma") continue;
    for (std::string at = port_above(root, e.pci); !at.empty(); at = port_above(root, at)) bridges.insert(at);
  }
  std::vector<std::string> redirecting;
  std::size_t unreadable = 0;
  for (const std::string& bridge : bridges) {
    const Acs acs = access_control(root, bridge);
    if (acs == Acs::kRedirects) redirecting.push_back(bridge);
    if (acs == Acs::kUnreadable) ++unreadable;
  }
  if (!redirecting.empty())
    found.push_back(
        {"acs-enabled", "warning", "",
         fmt::format("ACS on {} PCIe bridge(s) ({}{}) sends peer-to-peer traffic of GPUs up through the root "
                     "complex",
                     redirecting.size(), redirecting.front(), redirecting.size() > 1 ? ", …" : ""),
         fmt::format("for b in {}; do sudo setpci -s $b ECAP_ACS+6.w=0000; done",
                     fmt::join(redirecting, " "))});
  if (unreadable > 0 && !is_virtual(machine))
    found.push_back(
        {"acs-unknown", "note", "",
         fmt::format("whether ACS breaks peer-to-peer traffic is unknown: {} PCIe bridge(s) cannot be read",
                     unreadable),
         "run `sudo millrace doctor`"});
}

void examine_ports(const FileRoot& root, const Machine& machine, std::vector<Finding>& found) {
  for (const NetworkPort& port : read_network_ports(root)) {
    if (port.rdma.empty() || port.state == "ACTIVE") continue;
    found.push_back({"rdma-port-not-active", port.state == "DOWN" ? "note" : "warning", "rdma:" + port.rdma,
                     fmt::format("RDMA port {}/{} is {}", port.rdma, port.port, port.state),
                     port.state == "INIT"
                         ? "the cable is in, but no subnet manager has answered: start opensm, or ask "
                           "who runs the fabric"
                         : fmt::format("check cable and switch port: ibstat {}", port.rdma)});
  }
  for (const Endpoint& e : machine.graph.endpoints) {
    if (e.kind != "gpu" || root.exists(folder_of(e.pci) + "/driver")) continue;
    found.push_back({"gpu-without-driver", "warning", e.id,
                     fmt::format("{} ({}, {}) has no driver bound to it", e.id, e.name, e.pci),
                     "install or load the GPU's driver: sudo modprobe nvidia (or amdgpu, xe)"});
  }
}

void examine_cgroup(const Machine& machine, const FileRoot& root, std::vector<Finding>& found) {
  for (const CgroupLimit& limit : read_cgroup_limits(root)) {
    const bool is_memory = limit.controller == "memory";
    if (is_memory && limit.value >= static_cast<double>(machine.host.memory_bytes)) continue;
    if (limit.controller == "cpu" && limit.value >= machine.host.cpu.threads) continue;
    const std::string drive = "drive:" + limit.device;
    found.push_back({fmt::format("cgroup-{}-limit", limit.controller), is_memory ? "note" : "warning",
                     find_resource(machine.graph, drive) == nullptr ? "" : drive,
                     "by this process's control group, " + limit.what,
                     fmt::format("echo '{}' | sudo tee {}", limit.lift, limit.file)});
  }
}

}  // namespace

std::vector<Finding> examine(const Machine& machine, const FileRoot& root, bool under_load) {
  std::vector<Finding> found;
  examine_links(machine, root, under_load, found);
  for (Finding& finding : examine_placement(machine)) found.push_back(std::move(finding));
  examine_access_control(machine, root, found);
  examine_ports(root, machine, found);
  examine_cgroup(machine, root, found);
  for (Finding& finding : nvml::examine_gpus(machine)) found.push_back(std::move(finding));
  for (Finding& finding : examine_settings(machine.host)) found.push_back(std::move(finding));
  // Under load the load is ours.
  if (!under_load)
    for (Finding& finding : examine_load(machine.host, root)) found.push_back(std::move(finding));
  const auto rank = [](const Finding& f) {
    return f.severity == "error" ? 0 : f.severity == "warning" ? 1 : 2;
  };
  std::stable_sort(found.begin(), found.end(),
                   [&](const Finding& a, const Finding& b) { return rank(a) < rank(b); });
  return found;
}

std::vector<Finding> examine(const Machine& machine, const std::filesystem::path& root, bool under_load) {
  return examine(machine, FileRoot(root), under_load);
}

std::vector<LinkState> link_states(const Machine& machine, const std::filesystem::path& root_path) {
  const FileRoot root(root_path);
  std::vector<LinkState> states;
  for (const Resource& resource : machine.graph.resources) {
    if (!is_upward_link(resource)) continue;
    const Ends ends = read_ends(root, resource.pci, is_virtual(machine));
    LinkRate possible = ends.child_maximum;
    if (ends.port_maximum.known()) {
      possible.gt_per_s = std::min(possible.gt_per_s, ends.port_maximum.gt_per_s);
      possible.width = std::min(possible.width, ends.port_maximum.width);
    }
    states.push_back(
        {resource.id, ends.running.gt_per_s, ends.running.width, possible.gt_per_s, possible.width});
  }
  return states;
}

}  // namespace millrace::topology
