// SPDX-License-Identifier: Apache-2.0
// Whether the kernel knows a way from a port's network interface to the other end. Without one the verbs try
// for 20 s to find out who has that address, and say only that it timed out.
#pragma once

#include <string>

#include "modules/rdma/gids.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

// The network interface of a RoCE port's GID; "" where it is not known.
std::string interface_of(const std::string& device, unsigned port, const Gid& gid);

// Fails where `to`, the other end's RoCE v2 GID, lies neither in a network of `interface` nor on a route that
// leaves by it. `here`, `there`: the ends, for the message. What cannot be told is no failure.
Result<void> check_reach(const Gid& from, const Gid& to, const std::string& interface,
                         const std::string& here, const std::string& there);

}  // namespace millrace::rdma
