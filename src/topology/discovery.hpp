// SPDX-License-Identifier: Apache-2.0
// discover() over a root that may be recording: what snapshot() is made of.
#pragma once

#include "topology/discover.hpp"
#include "topology/file_root.hpp"

namespace millrace::topology {

Result<Machine> discover(const FileRoot& root);

}  // namespace millrace::topology
