// SPDX-License-Identifier: Apache-2.0
// What an ncclUniqueId holds: where rank 0 waits for the others. NCCL takes whatever stands there and
// connects.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "units/result.hpp"

namespace millrace::nccl {

// The numeric IP address in an id of NCCL 2.16 to 2.30 (struct ncclBootstrapHandle of
// src/include/bootstrap.h: eight bytes of magic, then a sockaddr_in or sockaddr_in6). Nothing: no address
// stands there.
std::optional<std::string> address_in(std::string_view id);

// Fails where the id leads to an address that this host may not use, or cannot be read.
Result<void> check_unique_id(std::string_view id, const std::function<bool(const std::string&)>& may_use);

}  // namespace millrace::nccl
