// SPDX-License-Identifier: Apache-2.0
// Asks a probe which workers it wants for its parameters on this machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run/catalog.hpp"
#include "run/parameters.hpp"
#include "run/port_range.hpp"
#include "topology/discover.hpp"
#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::run {

struct WorkerPlan {
  std::string role, from, to;
  int numa_node = -1;
  std::uint32_t threads = 1;
  std::uint64_t memory_bytes = 0, locked_bytes = 0;
};

// The hosts of one measurement: which of them this is, and the address by which each was reached ("" alone,
// and of a third host that this one did not agree to deal with).
struct HostGroup {
  int self = 0;
  std::vector<std::string> addresses = {""};
  // Which addresses a probe may use here, see address_range.hpp; nothing: any. Each host's own business.
  std::optional<std::vector<std::string>> agreed = {};
  PortRange ports = {};  // at which probes may listen here
};

// What the probe answered. Not "ok": nothing can be started, and that is the measurement's outcome.
struct Description {
  std::string status = "ok";  // "failed": it crashed or hung; "skipped": it is unavailable here
  std::string reason, hint;   // when it is not ok
  std::vector<WorkerPlan> workers;
};

bool may_use(const HostGroup& hosts, const std::string& address);

inline constexpr Duration kDescribeTime{20'000'000'000};  // it may enumerate devices and list many files

// In a guarded child. An Error is what the probe said by fail() when it FAILED: bad input.
Result<Description> describe(const ProbeEntry& entry, const Parameters& parameters,
                             const topology::Machine& machine, Duration answer_time = kDescribeTime,
                             const HostGroup& hosts = {});

}  // namespace millrace::run
