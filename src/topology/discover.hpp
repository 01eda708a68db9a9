// SPDX-License-Identifier: Apache-2.0
// Discovery of this host by hwloc and sysfs, or of a recorded one: everything is read below `root`
// ("/" for the live machine), so a snapshot of another machine is a fixture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "topology/gpu_facts.hpp"
#include "topology/graph.hpp"
#include "units/result.hpp"

namespace millrace::topology {

struct Cpu {
  std::string model;
  int sockets = 0, cores = 0, threads = 0;
  // How many of the threads this process may use: a cpuset or its CPU affinity leave it some of them, a quota
  // so much CPU time that as many would use (1.5). Null: a document that does not tell.
  std::optional<double> usable_threads = {};
  std::string limited_by = {};  // "cpuset" | "affinity" | "quota": what sets that; empty: nothing does
  bool operator==(const Cpu&) const = default;
};

struct NumaNode {
  int index = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<int> cpus;
  bool operator==(const NumaNode&) const = default;
};

// How far another host's CLOCK_MONOTONIC was ahead of that of hosts[0], at the start and at the end of a run.
struct ClockOffset {
  double start = 0, end = 0;  // seconds
  double error = 0;           // ± half of the best round trip
  bool operator==(const ClockOffset&) const = default;
};

// What hosts[] of the result document holds about this host.
struct HostFacts {
  std::string name, kernel;
  Cpu cpu;
  std::uint64_t memory_bytes = 0;
  std::vector<NumaNode> numa;
  std::map<std::string, std::string> drivers;  // "nvme": "6.1.0", ... what sysfs tells
  std::map<std::string, std::string>
      settings;  // "governor": "performance", "scheduler:vda": "mq-deadline", ...
  std::optional<std::vector<GpuFacts>> gpus;  // what NVML told; null: it was not there, or told nothing
  std::optional<ClockOffset> clock_offset_s;  // of hosts that took part as peers only
  bool operator==(const HostFacts&) const = default;
};

struct Machine {
  HostFacts host;
  Topology graph;
  bool operator==(const Machine&) const = default;
};

Result<Machine> discover(const std::filesystem::path& root = "/");

// Where commands that look at or measure this machine discover it: $MILLRACE_MACHINE_ROOT, a recorded machine
// that stands in its place (for tests, with stand-in drivers in front of it), or "/". What is discovered
// elsewhere than at "/" says so in the host's settings, as `machine-root`.
std::filesystem::path machine_root();

// Where a file or folder lies: the mount, the file system, and the block devices below it (through
// partitions, dm, md and loop down to the drives), as endpoint ids. On tmpfs and the like there is no drive.
// A block device's own file lies on the device, not on the file system that /dev is.
struct PathLocation {
  std::string mount_point, file_system;  // "/data", "ext4"; empty: the path is a block device
  std::string source;                    // "/dev/vda1" as the mount table has it, or the block device
  std::string endpoint;  // where a path to it starts: "storage:vda", "file_system:/mnt", "memory:0" (tmpfs)
  std::vector<std::string> drives;  // endpoint ids of the physical drives below
  std::string sysfs_block;          // "vda1": whose /sys/class/block/NAME/stat counts it, or empty
};
Result<PathLocation> locate(const Machine& machine, const std::filesystem::path& path,
                            const std::filesystem::path& root = "/");

// Copies what discovery reads below `from` into the folder `to` (made if missing), so that
// discover(to) gives the same machine. Reads no file contents outside /sys, /proc and /etc/os-release.
Result<void> snapshot(const std::filesystem::path& to, const std::filesystem::path& from = "/");

}  // namespace millrace::topology
