// SPDX-License-Identifier: Apache-2.0
// Findings about settings that spoil a measurement, from what discovery recorded of the host: no file is
// read, so a result document gives the same findings as the machine did.
#pragma once

#include <vector>

#include "topology/discover.hpp"

namespace millrace::topology {

std::vector<Finding> examine_settings(const HostFacts& host);

}  // namespace millrace::topology
