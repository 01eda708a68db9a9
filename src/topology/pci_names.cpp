// SPDX-License-Identifier: Apache-2.0
#include "topology/pci_names.hpp"

#include <fmt/format.h>

#include <fstream>

namespace millrace::topology {
namespace {

struct Vendor {
  std::uint16_t id;
  const char* name;
};
// As the PCI-SIG's member list has them, shortened.
constexpr Vendor kVendors[] = {
    {0x10DE, "NVIDIA"},   {0x1002, "AMD"},      {0x1022, "AMD"},       {0x8086, "Intel"},
    {0x15B3, "Mellanox"}, {0x14E4, "Broadcom"}, {0x1000, "Broadcom"},  {0x11F8, "Microchip"},
    {0x10B5, "PLX"},      {0x144D, "Samsung"},  {0x1E0F, "Kioxia"},    {0x1344, "Micron"},
    {0x1C5C, "SK hynix"}, {0x15B7, "SanDisk"},  {0x1BB1, "Seagate"},   {0x1DA3, "Habana"},
    {0x1D0F, "Amazon"},   {0x1AE0, "Google"},   {0x1414, "Microsoft"}, {0x1AF4, "virtio"},
    {0x1B36, "QEMU"},     {0x1A03, "ASPEED"},   {0x1DD8, "Pensando"},  {0x025E, "Solidigm"},
    {0x1C5F, "Memblaze"}, {0x177D, "Marvell"},  {0x17CB, "Qualcomm"},  {0x1E52, "Tenstorrent"},
};

std::string vendor_name(std::uint16_t id) {
  for (const Vendor& vendor : kVendors)
    if (vendor.id == id) return vendor.name;
  return {};
}

}  // namespace

PciNames::PciNames() {
  for (const char* place : {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"}) {
    std::error_code error;
    if (!std::filesystem::exists(place, error)) continue;
    read(place);
    return;
  }
}

PciNames::PciNames(const std::filesystem::path& database) { read(database); }

// Vendors at the line's start, devices after one tab, subsystems after two; a class list follows after "C
// 00".
void PciNames::read(const std::filesystem::path& database) {
  std::ifstream file(database);
  std::uint32_t vendor = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("C ")) break;
    if (line.size() < 7 || line[0] == '#' || line.starts_with("\t\t")) continue;
    const bool is_device = line[0] == '\t';
    const std::string_view text = std::string_view(line).substr(is_device ? 1 : 0);
    const auto id =
        static_cast<std::uint32_t>(std::strtoul(std::string(text.substr(0, 4)).c_str(), nullptr, 16));
    const auto start = text.find_first_not_of(' ', 4);
    if (start == std::string_view::npos) continue;
    if (is_device)
      devices_[vendor << 16U | id] = text.substr(start);
    else
      vendors_[static_cast<std::uint16_t>(vendor = id)] = text.substr(start);
  }
}

std::string PciNames::name(std::uint16_t vendor, std::uint16_t device) const {
  std::string maker = vendor_name(vendor);
  if (const auto known = vendors_.find(vendor); maker.empty() && known != vendors_.end())
    maker = known->second;
  const auto known = devices_.find(static_cast<std::uint32_t>(vendor) << 16U | device);
  if (known != devices_.end()) return maker + " " + known->second;
  return maker.empty() ? fmt::format("{:04x}:{:04x}", vendor, device)
                       : fmt::format("{} device {:04x}", maker, device);
}

}  // namespace millrace::topology
