// SPDX-License-Identifier: Apache-2.0
// The addresses that may be used: single ones, and networks of them (the rails of an RDMA fabric are many).
#pragma once

#include <string>
#include <vector>

#include "units/result.hpp"

namespace millrace::run {

// "10.0.0.1" or "fd00::1" as numeric_address spells it, "10.1.0.0/16" or "fd00::/64" with the length of the
// prefix that counts (CIDR, RFC 4632). Errors: no numeric address, one that means many, a prefix of no bits,
// or of more than the address has.
Result<std::string> address_range(const std::string& text);

// Whether a numeric address is one of, or lies in one of, `ranges`. The interface of a link-local one
// ("fe80::1%eth0") is each host's own and does not count. What is no address lies nowhere.
bool is_within(const std::string& address, const std::vector<std::string>& ranges);

}  // namespace millrace::run
