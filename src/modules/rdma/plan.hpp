// SPDX-License-Identifier: Apache-2.0
// What describe tells the core: one worker for each end of each link that lies on this host.
#pragma once

#include "millrace/probe.hpp"
#include "modules/rdma/settings.hpp"

namespace millrace::rdma {

// Looks at the ports of this host and checks that they are there and active.
sdk::Outcome plan_workers(const sdk::Host& host, const Settings& settings);

// host.fail or host.unavailable, by the error's kind.
sdk::Outcome report(const sdk::Host& host, const Error& error);

}  // namespace millrace::rdma
