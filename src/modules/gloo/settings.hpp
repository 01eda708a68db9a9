// SPDX-License-Identifier: Apache-2.0
// What the user asked of a collective over host memory, made sure that Gloo can do it.
#pragma once

#include <cstdint>
#include <string>

#include "millrace/probe.hpp"
#include "modules/collective/request.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

struct Settings : collective::Request {
  int ranks_here = 2;  // on each host
  bool bcube = false;  // all_reduce by Gloo's bcube algorithm instead of its ring
};

// Exit::kInconclusive: Gloo cannot, and the measurement is skipped.
Result<Settings> settings_from(const sdk::Host& host, collective::Collective collective);

// Through how much memory arrays rotate where --region was not given.
std::uint64_t default_region();

// The numeric address on which the ranks of host `index` connect to each other.
Result<std::string> address_of(const sdk::Host& host, int index);

}  // namespace millrace::gloo
