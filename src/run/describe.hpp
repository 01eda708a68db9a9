// SPDX-License-Identifier: Apache-2.0
// Asks a probe which workers it wants for its parameters on this machine.
#pragma once

#include <string>
#include <vector>

#include "run/catalog.hpp"
#include "run/parameters.hpp"
#include "topology/discover.hpp"
#include "units/result.hpp"

namespace millrace::run {

struct WorkerPlan {
  std::string role, from, to;
  int numa_node = -1;
  std::uint32_t threads = 1;
  std::uint64_t memory_bytes = 0, locked_bytes = 0;
};

// In a guarded child. What the probe said by fail() is the Error: exit kUsage when it FAILED (bad input),
// kInconclusive when it is UNAVAILABLE here.
Result<std::vector<WorkerPlan>> describe(const ProbeEntry& entry, const Parameters& parameters,
                                         const topology::Machine& machine);

}  // namespace millrace::run
