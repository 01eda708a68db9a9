// SPDX-License-Identifier: Apache-2.0
// What describe tells the core: which workers a storage measurement needs, after checking that it can be
// done.
#pragma once

#include "millrace/probe.hpp"
#include "modules/storage/options.hpp"

namespace millrace::storage {

// Checks every path without changing anything, then asks for one worker, or for one worker a path where the
// paths lie on different endpoints: each drive's bytes then have a path, a NUMA node and a core of their own.
sdk::Outcome plan_workers(const sdk::Host& host, const Options& options);

// host.fail or host.unavailable, by the error's kind.
sdk::Outcome report(const sdk::Host& host, const Error& error);

}  // namespace millrace::storage
