// SPDX-License-Identifier: Apache-2.0
// By which device packets to an address leave, as the kernel would route them now (rtnetlink(7),
// RTM_GETROUTE).
#pragma once

#include <string>

#include "modules/tcp/address.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// "eth0", "lo".
Result<std::string> device_towards(const Address& to, const Address& from);

}  // namespace millrace::tcp
