// SPDX-License-Identifier: Apache-2.0
// Where a rank's bytes start and end, as discovery knows it.
#pragma once

#include <string>

#include "millrace/probe.hpp"
#include "modules/gloo/settings.hpp"

namespace millrace::gloo {

struct Placement {
  std::string from, to;  // endpoint ids
  int numa_node = -1;    // of the NIC, where there is one
};

// describe only, for this host's ranks. On several hosts the path crosses the NIC that has this host's
// address, if each byte of the array crosses it at least once (all_reduce, broadcast): only then is the NIC's
// rate a limit on the algorithm bandwidth.
Placement placement_of(const sdk::Host& host, const Settings& settings, const std::string& address);

}  // namespace millrace::gloo
