// SPDX-License-Identifier: Apache-2.0
// Names for people of PCI vendors and devices: from the pci.ids database of the machine that looks (package
// pci.ids), or the vendor's name alone from a short list of those that matter here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace millrace::topology {

class PciNames {
 public:
  // The first of the usual places that has the file; none is fine.
  PciNames();
  explicit PciNames(const std::filesystem::path& database);
  // "NVIDIA GH100 [H100 SXM5 80GB]", "NVIDIA device 2330", "1d0f:cd00".
  [[nodiscard]] std::string name(std::uint16_t vendor, std::uint16_t device) const;

 private:
  void read(const std::filesystem::path& database);
  std::map<std::uint32_t, std::string> devices_;  // vendor << 16 | device
  std::map<std::uint16_t, std::string> vendors_;
};

}  // namespace millrace::topology
