// SPDX-License-Identifier: Apache-2.0
// How the ends find each other. Each server listens on its own address and tells its port and a random nonce
// by the core's exchange; the client connects from the agreed address, presents the nonce, and is answered
// with its own. A server takes no connection from another address and none without the nonce; addresses come
// from the parameters or the core, never from the exchange. Nothing listens once the connections stand.
#pragma once

#include <cstdint>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/link_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

struct StreamCounts {
  std::uint32_t from_client = 0, from_server = 0;  // connections between the client and each server
  [[nodiscard]] std::uint32_t all() const { return from_client + from_server; }
};

struct Meeting {
  std::vector<Connection> connections;  // in order of rank, then index: those from the client come first
  std::uint32_t strangers = 0;          // connections that were refused
};

// Every rank calls it. The sockets are non-blocking, with all of the link's options.
Result<Meeting> meet(const sdk::Host& host, const LinkOptions& options, StreamCounts streams);

}  // namespace millrace::tcp
