// SPDX-License-Identifier: Apache-2.0
// What on this machine is wrong, or would spoil a measurement, each with its remedy.
#pragma once

#include <filesystem>
#include <vector>

#include "topology/discover.hpp"

namespace millrace::topology {

// Findings about the hardware (links below their maximum, devices on a far NUMA node) and about settings
// (governor, I/O scheduler, nomerges, memlock limit, huge pages, ACS, io_uring_disabled). Link state read
// here is of an idle machine: devices train down when idle, so a narrow or slow link is a "note" unless
// `under_load`.
std::vector<Finding> examine(const Machine& machine, const std::filesystem::path& root = "/",
                             bool under_load = false);

// The links' running speed and width, to be sampled while a measurement loads them.
struct LinkState {
  std::string resource;       // resource id of the link (towards memory)
  double speed_gt_per_s = 0;  // running, and what both ends could
  int width = 0;
  double possible_speed_gt_per_s = 0;
  int possible_width = 0;
};
std::vector<LinkState> link_states(const Machine& machine, const std::filesystem::path& root = "/");

}  // namespace millrace::topology
