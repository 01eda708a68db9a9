// SPDX-License-Identifier: Apache-2.0
// A machine as text for people: what hangs where, what each link runs at, and the most it can deliver.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "topology/discover.hpp"
#include "topology/doctor.hpp"

namespace millrace::topology {

// What a document does not hold and a machine tells as of now. Empty is fine: links then show what they
// could.
struct View {
  std::vector<LinkState> links;
  std::map<std::string, std::vector<std::string>> mounts;  // endpoint id -> mount points
};
View look(const Machine& machine, const std::filesystem::path& root = "/");

// One row a device, indented below the switch or socket that it hangs on. "at most" is the lowest known limit
// on the way from the device to memory. Lines end in '\n'; columns are aligned; at most `width` columns where
// names allow.
std::string describe(const Machine& machine, const View& view = {}, int width = 100);

// The hops from where a path lies to the memory beside it, with their limits.
std::string describe_path(const Machine& machine, const std::string& path, const PathLocation& location,
                          int width = 100);

// Findings, worst first as they come, each with its remedy on a line of its own to copy.
std::string describe(const std::vector<Finding>& findings, int width = 100);

}  // namespace millrace::topology
