// SPDX-License-Identifier: Apache-2.0
#include "topology/setting_findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "topology/file_root.hpp"
#include "topology/usable_cpus.hpp"
#include "units/quantity.hpp"

namespace millrace::topology {
namespace {

// Registered buffers are locked memory: 256 deep with 1 MiB blocks is where a storage probe's sweep ends.
constexpr std::uint64_t kLockedBytesWanted = 256U << 20U;
constexpr int kSlowWakeUpMicroseconds = 50;  // about what one 4 KiB read of an NVMe drive takes

class Settings {
 public:
  explicit Settings(const HostFacts& host) : host_(host) {}
  [[nodiscard]] std::string get(const std::string& key) const {
    const auto it = host_.settings.find(key);
    return it == host_.settings.end() ? std::string() : it->second;
  }
  [[nodiscard]] bool is_virtual() const { return host_.settings.contains("hypervisor"); }

  // Block devices whose setting `key` fulfils the condition, in natural order.
  template <typename Condition>
  [[nodiscard]] std::vector<std::string> devices(const std::string& key, Condition condition) const {
    std::vector<std::string> names;
    for (const auto& [name, value] : host_.settings)
      if (name.starts_with(key + ":") && condition(name.substr(key.size() + 1), value))
        names.push_back(name.substr(key.size() + 1));
    std::sort(names.begin(), names.end(), natural_less);
    return names;
  }

 private:
  const HostFacts& host_;
};

bool is_nvme(const std::string& name) { return name.starts_with("nvme"); }

// One command for any number of devices: `echo VALUE | tee /sys/block/{a,b}/queue/FILE`.
std::string set_queue(const std::vector<std::string>& names, const char* file, const char* value) {
  const std::string devices =
      names.size() == 1 ? names.front() : fmt::format("{{{}}}", fmt::join(names, ","));
  return fmt::format("echo {} | sudo tee /sys/block/{}/queue/{}", value, devices, file);
}

std::string resource_of(const std::vector<std::string>& names) {
  return names.size() == 1 ? "drive:" + names.front() : std::string();
}

// A quota is found with the control group's other limits (doctor.cpp).
void examine_usable_cpus(const Settings& settings, const HostFacts& host, std::vector<Finding>& found) {
  const std::string& by = host.cpu.limited_by;
  if (by != "cpuset" && by != "affinity") return;
  found.push_back(
      {"cpus-restricted", "warning", "",
       fmt::format("this process may run on CPU{} {} alone, {}", host.cpu.usable_threads == 1 ? "" : "s",
                   settings.get("cpus_allowed"), usable_cpus_words(host.cpu)),
       by == "cpuset" ? "widen cpuset.cpus of this control group and of those above it (a container's "
                        "--cpuset-cpus, a pod's CPU limit), if the workload will have more"
                      : "start Millrace without taskset or numactl (or a unit's CPUAffinity, or isolcpus of "
                        "the kernel), or ask the scheduler for more CPUs (srun "
                        "--cpus-per-task), if the workload will have more"});
}

void examine_cpu(const Settings& settings, std::vector<Finding>& found) {
  const std::string governor = settings.get("governor");
  if (!governor.empty() && governor != "performance")
    found.push_back(
        {"governor-not-performance", "warning", "",
         fmt::format("the CPU frequency governor is \"{}\": clocks follow the load, so rates drift and "
                     "latencies include waking up",
                     governor),
         "sudo cpupower frequency-set -g performance"});
  const int wake_up = std::atoi(settings.get("idle_latency_us").c_str());
  if (wake_up > kSlowWakeUpMicroseconds && !settings.is_virtual())
    found.push_back(
        {"deep-idle-states", "note", "",
         fmt::format("idle CPUs may take {} us to wake, which latency at low queue depth includes", wake_up),
         fmt::format("sudo cpupower idle-set -D {}", kSlowWakeUpMicroseconds)});
  const std::string clock = settings.get("clocksource");
  if (clock == "hpet" || clock == "acpi_pm" || clock == "jiffies")
    found.push_back(
        {"clocksource-not-tsc", "warning", "",
         fmt::format("the kernel's clock is {}: every time stamp is a slow read of a device", clock),
         "boot with `tsc=reliable` if the hardware's TSC can be trusted (dmesg | grep -i tsc says why not)"});
  else if (!clock.empty() && clock != "tsc" && clock != "arch_sys_counter")
    found.push_back({"clocksource-not-tsc", "note", "",
                     fmt::format("the kernel's clock is {}: time stamps cost more than by the TSC", clock),
                     "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"});
}

void examine_memory(const Settings& settings, const HostFacts& host, std::vector<Finding>& found) {
  const std::string memlock = settings.get("memlock_bytes");
  const std::uint64_t locked = std::strtoull(memlock.c_str(), nullptr, 10);
  if (!memlock.empty() && memlock != "unlimited" && locked < kLockedBytesWanted)
    found.push_back({"memlock-small", "warning", "",
                     fmt::format("a process may lock {} of memory; registered I/O buffers want {} or more",
                                 to_binary(Bytes{locked}), to_binary(Bytes{kLockedBytesWanted})),
                     "ulimit -l unlimited; for good: echo '* - memlock unlimited' | sudo tee "
                     "/etc/security/limits.d/millrace.conf, then log in again"});
  if (settings.get("hugepages") == "0")
    found.push_back({"huge-pages-none", "note", "", "no huge pages are reserved: buffers lie in 4 KiB pages",
                     "echo 1024 | sudo tee /proc/sys/vm/nr_hugepages"});
  const std::string transparent = settings.get("transparent_hugepage");
  if (transparent == "always" || transparent == "never")
    found.push_back(
        {"transparent-huge-page", "note", "",
         transparent == "always"
             ? "transparent huge pages are \"always\": compaction may stall a measurement now and then"
             : "transparent huge pages are \"never\": buffers that ask for them get 4 KiB pages",
         "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"});
  if (settings.get("numa_balancing") == "1" && host.numa.size() > 1)
    found.push_back({"numa-balancing-on", "warning", "",
                     "the kernel moves pages between NUMA nodes while a measurement runs",
                     "sudo sysctl -w kernel.numa_balancing=0"});
}

void examine_drives(const Settings& settings, std::vector<Finding>& found) {
  const auto list = [](const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
  };
  const auto schedules = [](const std::string& value) { return value != "none" && value != "noop"; };
  const auto nvme = settings.devices(
      "scheduler", [&](const auto& name, const auto& value) { return is_nvme(name) && schedules(value); });
  if (!nvme.empty())
    found.push_back(
        {"scheduler-unsuitable", "warning", resource_of(nvme),
         fmt::format("an I/O scheduler ({}) stands before {}: it costs CPU and caps operations per second",
                     settings.get("scheduler:" + nvme.front()), list(nvme)),
         set_queue(nvme, "scheduler", "none")});
  const auto virtio = settings.devices("scheduler", [&](const auto& name, const auto& value) {
    return name.starts_with("vd") && schedules(value);
  });
  if (!virtio.empty())
    found.push_back({"scheduler-unsuitable", "note", resource_of(virtio),
                     fmt::format("an I/O scheduler ({}) stands before {}, and the host has its own",
                                 settings.get("scheduler:" + virtio.front()), list(virtio)),
                     set_queue(virtio, "scheduler", "none")});
  const auto merging = settings.devices(
      "nomerges", [](const auto& name, const auto& value) { return is_nvme(name) && value == "0"; });
  if (!merging.empty())
    found.push_back(
        {"nomerges-off", "note", resource_of(merging),
         fmt::format("the kernel looks for neighbours to merge before each request to {}: CPU that random "
                     "reads pay for nothing",
                     list(merging)),
         set_queue(merging, "nomerges", "2")});
  const auto not_merging = settings.devices(
      "nomerges", [](const auto& name, const auto& value) { return !is_nvme(name) && value != "0"; });
  if (!not_merging.empty())
    found.push_back(
        {"nomerges-on", "note", resource_of(not_merging),
         fmt::format("{} does not merge neighbouring requests: small sequential I/O is slower than it "
                     "would be",
                     list(not_merging)),
         set_queue(not_merging, "nomerges", "0")});
  const auto caching = settings.devices("write_cache", [](const auto& name, const auto& value) {
    return (is_nvme(name) || name.starts_with("sd")) && value == "write back";
  });
  if (!caching.empty())
    found.push_back(
        {"write-cache-volatile", "note", resource_of(caching),
         fmt::format("{} acknowledge(s) writes from a volatile cache: short writes measure the cache",
                     list(caching)),
         "measure longer than the cache lasts, or with fsync"});
}

void examine_kernel(const Settings& settings, std::vector<Finding>& found) {
  const std::string disabled = settings.get("io_uring_disabled");
  if (disabled == "2")
    found.push_back({"io-uring-disabled", "error", "", "the kernel refuses io_uring to every process",
                     "sudo sysctl -w kernel.io_uring_disabled=0"});
  else if (disabled == "1")
    found.push_back({"io-uring-disabled", "warning", "",
                     "the kernel refuses io_uring to processes outside kernel.io_uring_group",
                     "sudo sysctl -w kernel.io_uring_disabled=0, or run as root"});
  const std::string iommu = fmt::format(" {} ", settings.get("iommu"));
  if (iommu.find(" DMA ") != std::string::npos)
    found.push_back({"iommu-strict", "warning", "",
                     "the IOMMU flushes its cache at every unmapping (strict mode): each I/O pays for it",
                     "boot with `iommu=pt`, or `iommu.strict=0` where devices must be confined"});
  else if (iommu.find(" DMA-FQ ") != std::string::npos)
    found.push_back({"iommu-translates", "note", "", "the IOMMU translates every DMA address (lazy mode)",
                     "boot with `iommu=pt`"});
}

}  // namespace

std::vector<Finding> examine_settings(const HostFacts& host) {
  std::vector<Finding> found;
  const Settings settings(host);
  examine_kernel(settings, found);
  examine_cpu(settings, found);
  examine_usable_cpus(settings, host, found);
  examine_drives(settings, found);
  examine_memory(settings, host, found);
  return found;
}

}  // namespace millrace::topology
