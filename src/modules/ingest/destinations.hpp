// SPDX-License-Identifier: Apache-2.0
// The memories that --to names, and where they lie.
#pragma once

#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "units/result.hpp"

namespace millrace::ingest {

// "host"; "gpu:2"; "gpu:0,gpu:3"; "gpu:all" is each GPU that discovery found. In describe. Errors: a GPU that
// is not there, naming those that are; no GPU at all (Exit::kInconclusive).
Result<std::vector<std::string>> destinations(const sdk::Host& host, const std::string& to);

// The endpoint that a memory is: of host memory, that of the NUMA node where there is one.
std::string endpoint_of(const sdk::Host& host, const std::string& memory, int numa_node);

}  // namespace millrace::ingest
