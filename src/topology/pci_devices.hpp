// SPDX-License-Identifier: Apache-2.0
// The PCI devices of a machine as sysfs shows them (/sys/bus/pci/devices;
// Documentation/ABI/testing/sysfs-bus-pci).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/file_root.hpp"

namespace millrace::topology {

struct LinkRate {
  double gt_per_s = 0;  // transfers per second and lane, in 10^9; 0: not told
  int width = 0;        // lanes; 0: not told
  [[nodiscard]] bool known() const { return gt_per_s > 0 && width > 0; }
  bool operator==(const LinkRate&) const = default;
};

// Device/Port Type of the PCI Express Capabilities register (PCI Express Base Specification, 7.5.3.2), read
// from config space, or inferred from the place in the tree where only the first 64 bytes can be read (not
// root).
enum class PortType { kEndpoint, kRootPort, kSwitchUpstream, kSwitchDownstream, kOtherBridge };

struct PciDevice {
  std::string address;           // "0000:41:00.0"
  std::string parent;            // the bridge above it; empty below a host bridge
  std::uint32_t class_code = 0;  // 24 bits
  std::uint16_t vendor = 0, device = 0;
  std::optional<int> numa;
  std::string driver;
  bool is_virtual_function = false;  // of SR-IOV: shares its physical function's link
  LinkRate running, maximum;
  PortType type = PortType::kEndpoint;
  std::optional<int>
      max_payload;  // bytes per packet as set in Device Control; null: config space not readable
  [[nodiscard]] bool is_bridge() const { return (class_code >> 8U) == 0x0604; }
};

using PciDevices = std::map<std::string, PciDevice>;  // by address

PciDevices read_pci_devices(const FileRoot& root);

// `which` is "current" or "max", `folder` the device's: "16.0 GT/s PCIe" and "4"; "Unknown" and width 255 are
// unknown.
LinkRate read_link_rate(const FileRoot& root, const std::string& folder, const std::string& which);

// The last PCI address in a resolved sysfs path: the function that a block or network device hangs on; or
// empty.
std::string pci_address_in(const std::string& sysfs_path);
bool is_pci_address(std::string_view text);

// A display or accelerator function of a vendor that makes GPUs; not the emulated VGA of a virtual machine,
// nor a server's management controller.
bool is_gpu(const PciDevice& device);

// Access Control Services, P2P redirection (PCI Express Base Specification, 7.7.8): whether a bridge sends
// peer-to-peer packets up to the root complex. The extended config space can be read by root alone.
enum class Acs { kAbsent, kOff, kRedirects, kUnreadable };
Acs access_control(const FileRoot& root, const std::string& address);

}  // namespace millrace::topology
