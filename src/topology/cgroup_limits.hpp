// SPDX-License-Identifier: Apache-2.0
// What the control group of this process, and those above it, take away from it: a container's usual
// spoilers. Version 1 (blkio, cpu, memory controllers) and version 2
// (Documentation/admin-guide/cgroup-v2.rst).
#pragma once

#include <string>
#include <vector>

#include "topology/file_root.hpp"

namespace millrace::topology {

struct CgroupLimit {
  std::string controller;  // "io", "cpu", "memory"
  std::string device;      // io: "vda" (or "254:0" where it has no name)
  std::string what;        // "reads of vda are held to 40 MB/s"
  std::string file;        // the file that sets it, as seen on the live machine
  std::string lift;        // what to write into the file to lift it
  double value = 0;        // bytes/s or operations/s; CPUs; bytes
};

std::vector<CgroupLimit> read_cgroup_limits(const FileRoot& root);

// The CPUs that the cpuset controller leaves this process's group ("0-3,8"): its own, or where it has none
// the nearest group's above it. Empty: no such controller is seen from here.
std::string group_cpuset(const FileRoot& root);

}  // namespace millrace::topology
