// SPDX-License-Identifier: Apache-2.0
// The end that is written to or read from: its device does the work, it only stays.
#pragma once

#include "millrace/probe.hpp"
#include "modules/rdma/phase.hpp"

namespace millrace::rdma {

// Until the phase is over, asleep but for a glance every 5 milliseconds.
Result<void> serve(const sdk::Host& host, Phase& phase);

}  // namespace millrace::rdma
