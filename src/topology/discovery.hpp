// SPDX-License-Identifier: Apache-2.0
// discover() and examine() over a root that may be recording: what snapshot() is made of.
#pragma once

#include "topology/discover.hpp"
#include "topology/doctor.hpp"
#include "topology/file_root.hpp"

namespace millrace::topology {

Result<Machine> discover(const FileRoot& root);
std::vector<Finding> examine(const Machine& machine, const FileRoot& root, bool under_load);

}  // namespace millrace::topology
