// SPDX-License-Identifier: Apache-2.0
// Which network interface has an address.
#pragma once

#include <string>

namespace millrace::collective {

// "eth0" of a numeric IP address of this host, or of "fe80::1%eth0"; empty: no interface has it.
std::string interface_of(const std::string& address);

}  // namespace millrace::collective
