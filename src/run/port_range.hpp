// SPDX-License-Identifier: Apache-2.0
// TCP ports at which probes may listen, as a firewall lets them through.
#pragma once

#include <cstdint>
#include <string>

#include "units/result.hpp"

namespace millrace::run {

// Both included; 0 and 0: any.
struct PortRange {
  std::uint16_t first = 0, last = 0;
};

// "7500-7520", or one port: "7500". Errors: no such range, a port 0 or beyond 65535, a first after the last.
Result<PortRange> port_range(const std::string& text);

}  // namespace millrace::run
