// SPDX-License-Identifier: Apache-2.0
// How one thread waits for its connections: in blocking calls on the only one, or by epoll for several.
#pragma once

#include <cstdint>
#include <span>

#include "modules/tcp/connection.hpp"
#include "modules/tcp/socket.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// One connection: makes its calls block for kLookNs at most, and gives back no descriptor. Several: an epoll
// descriptor that tells of `events` (EPOLLIN, EPOLLOUT) with the connection's index as data.
Result<Socket> watch(std::span<Connection* const> connections, std::uint32_t events);

}  // namespace millrace::tcp
