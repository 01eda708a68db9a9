// SPDX-License-Identifier: Apache-2.0
#include "topology/host_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

namespace millrace::topology {
namespace {

using SettingsMap = std::map<std::string, std::string>;

void set(SettingsMap& settings, const std::string& key, const std::optional<std::string>& value) {
  if (value && !value->empty()) settings[key] = *value;
}

// "none [mq-deadline] kyber" -> "mq-deadline"
std::string chosen(const std::string& list) {
  const auto open = list.find('[');
  const auto close = list.find(']', open);
  return open == std::string::npos || close == std::string::npos ? list
                                                                 : list.substr(open + 1, close - open - 1);
}

// "Max locked memory         8388608              8388608              bytes"
std::string value_after(const FileRoot& root, const std::string& file, std::string_view label) {
  for (const std::string& line : root.lines(file)) {
    if (!line.starts_with(label)) continue;
    std::istringstream rest(line.substr(label.size()));
    std::string value;
    rest >> value;
    if (value == ":") rest >> value;
    return value;
  }
  return {};
}

std::string read_os(const FileRoot& root) {
  for (std::string line : root.lines("/etc/os-release")) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    line.erase(0, std::string_view("PRETTY_NAME=").size());
    std::erase(line, '"');
    return line;
  }
  return {};
}

std::string read_governor(const FileRoot& root) {
  std::set<std::string> found;
  const std::string folder = "/sys/devices/system/cpu";
  for (const std::string& cpu : root.names(folder))
    if (const auto governor = root.text(folder + "/" + cpu + "/cpufreq/scaling_governor"))
      found.insert(*governor);
  if (found.empty()) return {};
  return found.size() == 1 ? *found.begin() : fmt::format("mixed: {}", fmt::join(found, ", "));
}

std::string read_boost(const FileRoot& root) {
  if (const auto no_turbo = root.text("/sys/devices/system/cpu/intel_pstate/no_turbo"))
    return *no_turbo == "0" ? "on" : "off";
  if (const auto boost = root.text("/sys/devices/system/cpu/cpufreq/boost"))
    return *boost == "1" ? "on" : "off";
  return {};
}

std::string read_idle_latency(const FileRoot& root) {
  std::int64_t slowest = -1;
  const std::string folder = "/sys/devices/system/cpu/cpu0/cpuidle";
  for (const std::string& state : root.names(folder))
    if (root.number(folder + "/" + state + "/disable").value_or(0) == 0)
      slowest = std::max(slowest, root.number(folder + "/" + state + "/latency").value_or(-1));
  return slowest < 0 ? std::string() : std::to_string(slowest);
}

// CAP_IPC_LOCK (bit 14, capability.h) lets a process lock what it likes, io_uring and RDMA registration
// included.
std::string read_memlock(const FileRoot& root) {
  constexpr unsigned kIpcLock = 14;
  const std::string capabilities = value_after(root, "/proc/self/status", "CapEff:");
  if (!capabilities.empty() && ((std::strtoull(capabilities.c_str(), nullptr, 16) >> kIpcLock) & 1U) != 0)
    return "unlimited";
  return value_after(root, "/proc/self/limits", "Max locked memory");
}

std::string read_huge_pages(const FileRoot& root) {
  std::uint64_t bytes = 0;
  bool known = false;
  const std::string folder = "/sys/kernel/mm/hugepages";  // "hugepages-2048kB"
  for (const std::string& name : root.names(folder)) {
    const auto count = root.number(folder + "/" + name + "/nr_hugepages");
    if (!count || !name.starts_with("hugepages-")) continue;
    known = true;
    bytes += static_cast<std::uint64_t>(*count) * std::strtoull(name.c_str() + 10, nullptr, 10) * 1024;
  }
  return known ? std::to_string(bytes) : std::string();
}

std::string read_iommu(const FileRoot& root, const PciDevices& pci, const BlockDevices& blocks,
                       const std::vector<NetworkPort>& ports) {
  std::set<std::string> functions;
  for (const auto& [address, device] : pci)
    if (is_gpu(device)) functions.insert(address);
  for (const auto& [name, device] : blocks) functions.insert(device.pci);
  for (const NetworkPort& port : ports) functions.insert(port.pci);
  std::set<std::string> types;
  for (const std::string& function : functions)
    if (!function.empty())
      if (const auto type = root.text("/sys/bus/pci/devices/" + function + "/iommu_group/type"))
        types.insert(*type);
  return fmt::format("{}", fmt::join(types, " "));
}

void read_block_settings(const FileRoot& root, const BlockDevices& blocks, SettingsMap& settings) {
  for (const auto& [name, device] : blocks) {
    if (!device.partition_of.empty()) continue;
    const std::string queue = "/sys/class/block/" + name + "/queue/";
    if (const auto scheduler = root.text(queue + "scheduler"))
      set(settings, "scheduler:" + name, chosen(*scheduler));
    for (const char* key : {"nomerges", "write_cache", "io_poll", "read_ahead_kb"})
      set(settings, std::string(key) + ":" + name, root.text(queue + key));
  }
}

SettingsMap read_settings(const FileRoot& root, const PciDevices& pci, const BlockDevices& blocks,
                          const std::vector<NetworkPort>& ports) {
  SettingsMap settings;
  set(settings, "os", read_os(root));
  set(settings, "hypervisor", read_hypervisor(root));
  set(settings, "governor", read_governor(root));
  set(settings, "boost", read_boost(root));
  set(settings, "idle_latency_us", read_idle_latency(root));
  set(settings, "clocksource", root.text("/sys/devices/system/clocksource/clocksource0/current_clocksource"));
  if (const auto thp = root.text("/sys/kernel/mm/transparent_hugepage/enabled"))
    set(settings, "transparent_hugepage", chosen(*thp));
  set(settings, "hugepages", read_huge_pages(root));
  set(settings, "numa_balancing", root.text("/proc/sys/kernel/numa_balancing"));
  set(settings, "io_uring_disabled", root.text("/proc/sys/kernel/io_uring_disabled"));
  set(settings, "memlock_bytes", read_memlock(root));
  set(settings, "cpus_allowed", value_after(root, "/proc/self/status", "Cpus_allowed_list:"));
  set(settings, "iommu", read_iommu(root, pci, blocks, ports));
  const std::string command_line = root.text("/proc/cmdline").value_or("");
  set(settings, "mitigations", command_line.find("mitigations=off") == std::string::npos ? "on" : "off");
  read_block_settings(root, blocks, settings);
  return settings;
}

std::map<std::string, std::string> read_drivers(const FileRoot& root, const PciDevices& pci,
                                                const BlockDevices& blocks,
                                                const std::vector<NetworkPort>& ports) {
  std::map<std::string, std::string> drivers;
  const auto add_driver = [&](const std::string& function) {
    const auto device = pci.find(function);
    if (device == pci.end() || device->second.driver.empty()) return;
    const std::string& name = device->second.driver;
    drivers[name] = root.text("/sys/module/" + name + "/version").value_or("kernel");
  };
  for (const auto& [address, device] : pci)
    if (is_gpu(device)) add_driver(address);
  for (const auto& [name, device] : blocks) {
    add_driver(device.pci);
    if (!device.firmware.empty()) drivers[name + " firmware"] = device.firmware;
  }
  for (const NetworkPort& port : ports) {
    add_driver(port.pci);
    if (!port.firmware.empty()) drivers[port.name() + " firmware"] = port.firmware;
  }
  return drivers;
}

}  // namespace

std::string read_hypervisor(const FileRoot& root) {
  bool told_by_cpu = false;
  for (const std::string& line : root.lines("/proc/cpuinfo")) {
    if (!line.starts_with("flags")) continue;
    told_by_cpu = (line + " ").find(" hypervisor ") != std::string::npos;
    break;
  }
  const std::string maker = root.text("/sys/class/dmi/id/sys_vendor").value_or("");
  const std::string product = root.text("/sys/class/dmi/id/product_name").value_or("");
  for (const char* name :
       {"QEMU", "VMware", "Xen", "innotek", "Parallels", "OpenStack", "Google Compute Engine"})
    if ((maker + " " + product).find(name) != std::string::npos) return name;
  if (product.find("KVM") != std::string::npos) return "KVM";
  if (maker == "Microsoft Corporation" && product == "Virtual Machine") return "Hyper-V";
  if (told_by_cpu) return maker.empty() ? "virtual machine" : maker;
  return {};
}

HostFacts read_host_facts(const FileRoot& root, const CpuLayout& layout, const PciDevices& pci,
                          const BlockDevices& blocks, const std::vector<NetworkPort>& ports) {
  HostFacts host;
  host.name = root.text("/proc/sys/kernel/hostname").value_or("unknown");
  host.kernel = root.text("/proc/sys/kernel/osrelease").value_or("unknown");
  host.cpu = layout.cpu;
  host.numa = layout.nodes;
  host.memory_bytes =
      std::strtoull(value_after(root, "/proc/meminfo", "MemTotal:").c_str(), nullptr, 10) * 1024;
  // A virtual machine may show one node's memory as what it has touched so far: with one node the total is
  // its own.
  if (host.numa.size() == 1) host.numa.front().memory_bytes = host.memory_bytes;
  host.drivers = read_drivers(root, pci, blocks, ports);
  host.settings = read_settings(root, pci, blocks, ports);
  return host;
}

}  // namespace millrace::topology
