// SPDX-License-Identifier: Apache-2.0
#include "run/system_counters.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace millrace::run {
namespace fs = std::filesystem;

namespace {

using Counters = std::map<std::string, double>;

// Documentation/block/stat.rst: sectors are of 512 bytes whatever the device, times are milliseconds.
void read_block(const fs::path& root, Counters& counters) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root / "sys/block", ignored)) {
    std::ifstream file(entry.path() / "stat");
    std::array<double, 11> field{};
    for (double& value : field) file >> value;
    if (!file || (field[0] == 0 && field[4] == 0)) continue;
    const std::string name = "block:" + entry.path().filename().string() + ":";
    counters[name + "read_operations"] = field[0];
    counters[name + "read_bytes"] = field[2] * 512;
    counters[name + "write_operations"] = field[4];
    counters[name + "write_bytes"] = field[6] * 512;
    counters[name + "busy_s"] = field[9] * 1e-3;
  }
}

// Documentation/accounting/psi.rst: "some avg10=… total=MICROSECONDS".
void read_pressure(const fs::path& root, Counters& counters) {
  for (const char* resource : {"cpu", "io", "memory"}) {
    std::ifstream file(root / "proc/pressure" / resource);
    for (std::string line; std::getline(file, line);) {
      const std::size_t at = line.find("total=");
      if (at == std::string::npos) continue;
      double total = 0;
      std::from_chars(line.data() + at + 6, line.data() + line.size(), total);
      counters[std::string("psi:") + resource + ":" + line.substr(0, line.find(' ')) + "_s"] = total * 1e-6;
    }
  }
}

// proc(5): user nice system idle iowait irq softirq steal, in ticks.
void read_cpu(const fs::path& root, Counters& counters) {
  std::ifstream file(root / "proc/stat");
  std::string label;
  std::array<double, 8> field{};
  file >> label;
  for (double& value : field) file >> value;
  if (!file || label != "cpu") return;
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  counters["cpu:busy_s"] = (field[0] + field[1] + field[2] + field[5] + field[6]) * tick;
  counters["cpu:iowait_s"] = field[4] * tick;
  counters["cpu:steal_s"] = field[7] * tick;
}

// Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats: the last line is "TOTAL_ERR_COR 0" and so on.
void read_pcie_errors(const fs::path& root, Counters& counters) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root / "sys/bus/pci/devices", ignored))
    for (const std::string_view kind : {"correctable", "nonfatal", "fatal"}) {
      std::ifstream file(entry.path() / ("aer_dev_" + std::string(kind)));
      for (std::string line; std::getline(file, line);)
        if (line.starts_with("TOTAL_ERR_")) {
          std::istringstream words(line);
          std::string word;
          double count = 0;
          if (words >> word >> count)
            counters["pcie:" + entry.path().filename().string() + ":" + std::string(kind) + "_errors"] =
                count;
        }
    }
}

}  // namespace

Counters read_system_counters(const fs::path& root) {
  Counters counters;
  read_block(root, counters);
  read_pressure(root, counters);
  read_cpu(root, counters);
  read_pcie_errors(root, counters);
  return counters;
}

Counters growth(const Counters& before, const Counters& after) {
  Counters grown;
  for (const auto& [name, value] : after) {
    const auto found = before.find(name);
    const double delta = value - (found == before.end() ? 0.0 : found->second);
    if (delta > 0) grown[name] = delta;
  }
  return grown;
}

}  // namespace millrace::run
