// SPDX-License-Identifier: Apache-2.0
#include "topology/pci_devices.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace millrace::topology {
namespace {

constexpr std::uint8_t kCapabilityExpress = 0x10;
constexpr std::uint16_t kExtendedCapabilityAcs = 0x000D;
constexpr std::size_t kHeaderBytes = 64;  // all that a user other than root may read
constexpr std::size_t kExtendedAt = 0x100;

std::uint8_t byte_at(const std::string& config, std::size_t at) {
  return at < config.size() ? static_cast<std::uint8_t>(config[at]) : std::uint8_t{0};
}
std::uint16_t word_at(const std::string& config, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(config, at) | byte_at(config, at + 1) << 8);
}
std::uint32_t dword_at(const std::string& config, std::size_t at) {
  return word_at(config, at) | static_cast<std::uint32_t>(word_at(config, at + 2)) << 16U;
}

// Offset of the PCI Express capability, by the list that starts at 0x34 (PCI Local Bus
// Specification 3.0, 6.7).
std::optional<std::size_t> express_capability(const std::string& config) {
  constexpr std::uint16_t kHasList = 0x10;
  if (config.size() <= kHeaderBytes || (word_at(config, 0x06) & kHasList) == 0) return std::nullopt;
  std::size_t at = byte_at(config, 0x34) & 0xFCU;
  for (int steps = 0; at >= kHeaderBytes && at + 1 < config.size() && steps < 48; ++steps) {
    if (byte_at(config, at) == kCapabilityExpress) return at;
    at = byte_at(config, at + 1) & 0xFCU;
  }
  return std::nullopt;
}

void read_config(const std::string& config, PciDevice& device, bool& type_known) {
  const auto at = express_capability(config);
  if (!at) return;
  switch ((word_at(config, *at + 2) >> 4U) & 0xFU) {
    case 0x4:
      device.type = PortType::kRootPort;
      break;
    case 0x5:
      device.type = PortType::kSwitchUpstream;
      break;
    case 0x6:
      device.type = PortType::kSwitchDownstream;
      break;
    case 0x7:
    case 0x8:
      device.type = PortType::kOtherBridge;
      break;
    default:
      device.type = PortType::kEndpoint;
      break;
  }
  type_known = true;
  device.max_payload = 128 << ((word_at(config, *at + 8) >> 5U) & 0x7U);  // Device Control, 7.5.3.4
}

PortType inferred_type(const PciDevice& device, const PciDevices& all) {
  if (!device.is_bridge()) return PortType::kEndpoint;
  if (device.parent.empty()) return PortType::kRootPort;
  const auto parent = all.find(device.parent);
  const bool below_port = parent == all.end() || parent->second.type == PortType::kRootPort ||
                          parent->second.type == PortType::kSwitchDownstream;
  return below_port ? PortType::kSwitchUpstream : PortType::kSwitchDownstream;
}

}  // namespace

LinkRate read_link_rate(const FileRoot& root, const std::string& folder, const std::string& which) {
  LinkRate rate;
  rate.gt_per_s = std::strtod(root.text(folder + "/" + which + "_link_speed").value_or("").c_str(), nullptr);
  const auto width = root.number(folder + "/" + which + "_link_width").value_or(0);
  if (width > 0 && width <= 32) rate.width = static_cast<int>(width);
  return rate;
}

bool is_pci_address(std::string_view text) {
  // DDDD:BB:DD.F, the domain with more digits behind Intel's VMD.
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon < 4 || text.size() != colon + 8) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == colon || i == colon + 3) {
      if (c != ':') return false;
    } else if (i == colon + 6) {
      if (c != '.') return false;
    } else if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {
      return false;
    }
  }
  return true;
}

std::string pci_address_in(const std::string& sysfs_path) {
  std::string last;
  for (const auto& part : std::filesystem::path(sysfs_path))
    if (is_pci_address(part.string())) last = part.string();
  return last;
}

PciDevices read_pci_devices(const FileRoot& root) {
  PciDevices devices;
  std::vector<std::pair<std::size_t, std::string>> by_depth;  // parents first, so that types can be inferred
  std::map<std::string, bool> type_known;
  const std::string folder = "/sys/bus/pci/devices";
  for (const std::string& address : root.names(folder)) {
    const auto real = root.resolve(folder + "/" + address);
    if (!is_pci_address(address) || !real) continue;
    const std::string at = real->string();
    PciDevice device;
    device.address = address;
    const std::string above = real->parent_path().filename().string();
    if (is_pci_address(above)) device.parent = above;
    device.class_code = static_cast<std::uint32_t>(root.number(at + "/class").value_or(0));
    device.vendor = static_cast<std::uint16_t>(root.number(at + "/vendor").value_or(0));
    device.device = static_cast<std::uint16_t>(root.number(at + "/device").value_or(0));
    if (const auto numa = root.number(at + "/numa_node"); numa && *numa >= 0)
      device.numa = static_cast<int>(*numa);
    device.driver = root.link_name(at + "/driver");
    device.is_virtual_function = root.exists(at + "/physfn");
    device.running = read_link_rate(root, at, "current");
    device.maximum = read_link_rate(root, at, "max");
    read_config(root.bytes(at + "/config", kExtendedAt).value_or(""), device, type_known[address]);
    by_depth.emplace_back(static_cast<std::size_t>(std::count(at.begin(), at.end(), '/')), address);
    devices.emplace(address, std::move(device));
  }
  std::sort(by_depth.begin(), by_depth.end());
  for (const auto& [depth, address] : by_depth)
    if (!type_known[address]) devices[address].type = inferred_type(devices[address], devices);
  return devices;
}

bool is_gpu(const PciDevice& device) {
  constexpr std::uint16_t kNvidia = 0x10DE;
  constexpr std::uint16_t kAmd = 0x1002;
  constexpr std::uint16_t kIntel = 0x8086;
  constexpr std::uint16_t kHabana = 0x1DA3;
  const std::uint32_t kind = device.class_code >> 8U;
  const bool display =
      kind == 0x0300 || kind == 0x0302 || kind == 0x0380;  // VGA, 3D, other display controller
  const bool accelerator = kind == 0x1200;
  if (device.is_virtual_function) return false;
  if (device.vendor == kNvidia || device.vendor == kAmd) return display || accelerator;
  // An Intel 0x1200 is the NPU of a laptop chip; Intel's accelerators carry Habana's vendor number.
  return (device.vendor == kIntel && display) || (device.vendor == kHabana && accelerator);
}

Acs access_control(const FileRoot& root, const std::string& address) {
  constexpr std::uint16_t kRedirectBits = 0x1C;  // request redirect, completion redirect, upstream forwarding
  const std::string config = root.bytes("/sys/bus/pci/devices/" + address + "/config").value_or("");
  if (config.size() <= kExtendedAt) return Acs::kUnreadable;
  std::size_t at = kExtendedAt;
  for (int steps = 0; at >= kExtendedAt && at + 8 <= config.size() && steps < 960; ++steps) {
    const std::uint32_t header = dword_at(config, at);
    if ((header & 0xFFFFU) == kExtendedCapabilityAcs)
      return (word_at(config, at + 6) & kRedirectBits) != 0 ? Acs::kRedirects : Acs::kOff;
    at = (header >> 20U) & 0xFFCU;
  }
  return Acs::kAbsent;
}

}  // namespace millrace::topology
