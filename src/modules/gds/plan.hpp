// SPDX-License-Identifier: Apache-2.0
// What describe tells the core: a worker for each GPU, after checking that it can be done.
#pragma once

#include "millrace/probe.hpp"
#include "modules/gds/settings.hpp"

namespace millrace::gds {

sdk::Outcome plan_workers(const sdk::Host& host, const Settings& settings);

}  // namespace millrace::gds
