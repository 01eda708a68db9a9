// SPDX-License-Identifier: Apache-2.0
// Which networks this host is attached to: whatever lies in them is reached without a router.
#pragma once

#include <string>
#include <vector>

namespace millrace::run::peer {

// Those of all interfaces that are up and no loopback, "10.9.1.1/24", as address_range.hpp takes them, and
// those of link-local addresses, which no router passes on: 169.254.0.0/16 and fe80::/64 (RFC 3927, RFC
// 4291).
std::vector<std::string> attached_networks();

}  // namespace millrace::run::peer
