// SPDX-License-Identifier: Apache-2.0
// One numeric IP address, in one spelling, so that addresses can be compared as texts.
#pragma once

#include <string>

#include "units/result.hpp"

namespace millrace::run {

// As inet_ntop(3) writes it, an IPv4 address in IPv6's clothes as IPv4; the interface of a link-local one
// ("fe80::1%eth0") is kept. Errors: a name, a wildcard (0.0.0.0, ::), a group (multicast): none of them says
// which of a host's networks is meant.
Result<std::string> numeric_address(const std::string& text);

}  // namespace millrace::run
