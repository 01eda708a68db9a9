// SPDX-License-Identifier: Apache-2.0
#include "topology/pcie_links.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::topology {
namespace {

LinkRate lesser(const LinkRate& a, const LinkRate& b) {
  if (!b.known()) return a;
  if (!a.known()) return b;
  return {std::min(a.gt_per_s, b.gt_per_s), std::min(a.width, b.width)};
}

std::optional<int> lesser(std::optional<int> a, std::optional<int> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

// In a virtual machine.
bool is_emulated(const PciDevice& device) {
  constexpr std::uint16_t kVirtio = 0x1AF4;
  constexpr std::uint16_t kQemu = 0x1B36;
  return device.is_bridge() || device.vendor == kVirtio || device.vendor == kQemu;
}

// Where a function's link ends: all functions below one port share it. Without a visible port, those of one
// device.
std::string place_of(const PciDevice& device) {
  return device.parent.empty() ? device.address.substr(0, device.address.rfind('.')) : device.parent;
}

}  // namespace

std::optional<double> payload_rate(const LinkRate& rate, Direction direction,
                                   std::optional<int> max_payload) {
  if (!rate.known()) return std::nullopt;
  const bool flit = rate.gt_per_s > 32.5;
  double encoding = 0;
  if (flit)
    encoding = 236.0 / 256.0;
  else if (rate.gt_per_s > 5.5)
    encoding = 128.0 / 130.0;
  else
    encoding = 8.0 / 10.0;
  double efficiency = 1;
  if (max_payload) {
    const double header = direction == Direction::kTowardsMemory ? 16 : 12;
    const double overhead = header + (flit ? 0 : 2 + 6);
    efficiency = *max_payload / (*max_payload + overhead);
  }
  return rate.gt_per_s * 1e9 * rate.width / 8 * encoding * efficiency;
}

PcieTree::PcieTree(const PciDevices& devices, bool virtual_machine)
    : devices_(devices), virtual_machine_(virtual_machine) {
  for (const auto& [address, device] : devices) {
    if (device.is_virtual_function || by_place_.contains(place_of(device))) continue;
    auto link = make_link(device);
    if (!link) continue;
    by_place_[place_of(device)] = links_.size();
    links_.push_back(std::move(*link));
  }
}

const PciDevice* PcieTree::find(const std::string& address) const {
  const auto it = devices_.find(address);
  return it == devices_.end() ? nullptr : &it->second;
}

std::optional<PcieLink> PcieTree::make_link(const PciDevice& device) const {
  const bool crosses_a_link = device.type == PortType::kEndpoint ||
                              device.type == PortType::kSwitchUpstream ||
                              device.type == PortType::kOtherBridge;
  if (!crosses_a_link) return std::nullopt;
  const PciDevice* port = find(device.parent);
  if (port != nullptr && port->type != PortType::kRootPort && port->type != PortType::kSwitchDownstream)
    return std::nullopt;  // inside a switch, or conventional PCI
  PcieLink link;
  link.child = device.address;
  link.is_switch_uplink = device.type == PortType::kSwitchUpstream;
  link.is_emulated = virtual_machine_ && is_emulated(device);
  if (!link.is_emulated) {
    link.child_maximum = device.maximum;
    link.possible = device.maximum;
    link.running = device.running;
    link.max_payload = device.max_payload;
  }
  if (port != nullptr) {
    link.port = port->address;
    if (!virtual_machine_) {
      link.possible = lesser(device.maximum, port->maximum);
      if (!link.running.known()) link.running = port->running;
      link.max_payload = lesser(device.max_payload, port->max_payload);
    }
    link.port_is_of_switch = port->type == PortType::kSwitchDownstream;
    if (link.port_is_of_switch) link.above = port->parent;
  }
  if (!link.possible.known() && link.port.empty()) return std::nullopt;
  return link;
}

const PcieLink* PcieTree::link_of(const std::string& address) const {
  const PciDevice* device = find(address);
  if (device == nullptr) return nullptr;
  const auto it = by_place_.find(place_of(*device));
  return it == by_place_.end() ? nullptr : &links_[it->second];
}

std::string PcieTree::switch_above(const std::string& address) const {
  for (const PciDevice* at = find(address); at != nullptr; at = find(at->parent))
    if (at->type == PortType::kSwitchUpstream && at->address != address) return at->address;
  return {};
}

std::string to_text(const LinkRate& rate) {
  return rate.known() ? fmt::format("{:g} GT/s x{}", rate.gt_per_s, rate.width) : "unknown";
}

}  // namespace millrace::topology
