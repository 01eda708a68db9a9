// SPDX-License-Identifier: Apache-2.0
#include "topology/block_devices.hpp"

#include <algorithm>
#include <array>

#include "topology/pci_devices.hpp"

namespace millrace::topology {
namespace {

constexpr std::uint64_t kSectorBytes =
    512;  // unit of /sys/class/block/*/size, whatever the device's own block

bool is_numbered(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) && name.size() > prefix.size() &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

bool holds_no_drive(const std::string& name) {
  constexpr std::array<std::string_view, 5> kNoDrives{"zram", "ram", "sr", "fd", "mtdblock"};
  return std::any_of(kNoDrives.begin(), kNoDrives.end(),
                     [&](auto prefix) { return is_numbered(name, prefix); });
}

std::string kind_of(const std::string& name, const std::string& path) {
  if (name.starts_with("nvme")) return "nvme";
  if (name.starts_with("vd") || path.find("/virtio") != std::string::npos) return "virtio";
  if (name.starts_with("sd")) return "scsi";
  if (name.starts_with("md")) return "md";
  if (name.starts_with("dm-")) return "dm";
  if (name.starts_with("loop")) return "loop";
  if (name.starts_with("pmem")) return "pmem";
  if (name.starts_with("nbd") || name.starts_with("rbd") || name.starts_with("drbd")) return "network";
  return "other";
}

// A namespace sits below its controller, or, with native multipath, below a subsystem that lists its
// controllers.
std::string nvme_controller(const FileRoot& root, const std::filesystem::path& device) {
  for (auto at = device; at != at.root_path(); at = at.parent_path()) {
    std::string name = at.filename().string();
    if (is_numbered(name, "nvme")) return name;
    if (!name.starts_with("nvme-subsys")) continue;
    for (const std::string& entry : root.names("/sys/class/nvme-subsystem/" + name))
      if (is_numbered(entry, "nvme")) return entry;
  }
  return {};
}

void read_nvme(const FileRoot& root, const std::filesystem::path& path, BlockDevice& device) {
  const std::string controller = nvme_controller(root, path);
  if (controller.empty()) return;
  const std::string at = "/sys/class/nvme/" + controller;
  const auto text = [&](const char* file) { return root.text(at + "/" + file).value_or(""); };
  device.model = text("model");
  device.serial = text("serial");
  device.firmware = text("firmware_rev");
  if (const auto real = root.resolve(at)) device.pci = pci_address_in(real->string());
  if (const auto numa = root.number(at + "/numa_node"); numa && *numa >= 0)
    device.numa = static_cast<int>(*numa);
  const std::string transport = text("transport");
  if (transport.empty() || transport == "pcie") return;
  device.kind = "nvme-fabric";
  device.detail = transport + " " + text("address");
}

void read_scsi(const FileRoot& root, const std::string& at, const std::filesystem::path& path,
               BlockDevice& device) {
  device.model = root.text(at + "/device/model").value_or("");
  // …/ata3/host2/target2:0:0/…: the port's negotiated speed stands under ata_link/link3.
  for (const auto& part : path) {
    if (!is_numbered(part.string(), "ata")) continue;
    const std::string port = part.string().substr(3);
    const std::string link = "/sys/class/ata_link/link" + port + "/sata_spd";
    if (const auto speed = root.text(link); speed && !speed->starts_with("<")) device.detail = *speed;
  }
}

void read_kind(const FileRoot& root, const std::string& at, const std::filesystem::path& path,
               BlockDevice& device) {
  if (device.kind == "nvme") read_nvme(root, path, device);
  if (device.kind == "scsi") read_scsi(root, at, path, device);
  if (device.kind == "virtio") device.serial = root.text(at + "/serial").value_or("");
  if (device.kind == "md") device.detail = root.text(at + "/md/level").value_or("");
  if (device.kind == "dm") device.detail = root.text(at + "/dm/name").value_or("");
  if (device.kind == "loop") device.backing_file = root.text(at + "/loop/backing_file").value_or("");
}

std::optional<BlockDevice> read_device(const FileRoot& root, const std::string& name) {
  const std::string at = "/sys/class/block/" + name;
  const auto real = root.resolve(at);
  if (!real || root.number(at + "/hidden").value_or(0) != 0) return std::nullopt;
  BlockDevice device;
  device.name = name;
  device.size_bytes = static_cast<std::uint64_t>(root.number(at + "/size").value_or(0)) * kSectorBytes;
  if (device.size_bytes == 0) return std::nullopt;
  device.kind = kind_of(name, real->string());
  device.number = root.text(at + "/dev").value_or("");
  device.node_path = "/dev/" + name;
  if (root.exists(at + "/partition")) device.partition_of = real->parent_path().filename().string();
  device.members = root.names(at + "/slaves");
  device.pci = pci_address_in(real->string());
  read_kind(root, at, *real, device);
  if (device.kind == "loop" && device.backing_file.empty()) return std::nullopt;
  if (device.kind == "dm" && !device.detail.empty()) device.node_path = "/dev/mapper/" + device.detail;
  if (device.pci.empty() || device.numa) return device;
  const auto numa = root.number("/sys/bus/pci/devices/" + device.pci + "/numa_node");
  if (numa && *numa >= 0) device.numa = static_cast<int>(*numa);
  return device;
}

}  // namespace

BlockDevices read_block_devices(const FileRoot& root) {
  BlockDevices devices;
  for (const std::string& name : root.names("/sys/class/block")) {
    if (holds_no_drive(name)) continue;
    if (auto device = read_device(root, name)) devices.emplace(name, std::move(*device));
  }
  return devices;
}

}  // namespace millrace::topology
