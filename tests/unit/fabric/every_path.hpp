// SPDX-License-Identifier: Apache-2.0
// Routing by enumeration: every pair of ranks, every path of equal cost, every single link. What add_loads()
// is held against; it shares none of its arithmetic.
#pragma once

#include <array>
#include <vector>

#include "fabric/route.hpp"

namespace millrace::fabric {

// Bytes on each single link (not bundle) of each kind, numbered as fabric.hpp says. Uplinks must go evenly to
// the spines (a multiple of them) and core switches evenly to the spines' uplinks (a divisor of them).
using LinkLoads = std::array<std::vector<double>, kKinds>;
LinkLoads every_path(const Fabric& fabric, const workload::Traffic& traffic, const Placement& placement);

}  // namespace millrace::fabric
