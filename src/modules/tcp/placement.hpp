// SPDX-License-Identifier: Apache-2.0
// Where a link's bytes start and end, as discovery knows it: the NIC by which they leave this host, and the
// memory near it.
#pragma once

#include <span>
#include <string>

#include "millrace/probe.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/link_options.hpp"

namespace millrace::tcp {

struct Placement {
  std::string nic;     // endpoint id; "memory:…" over loopback or by a device that discovery does not know
  std::string memory;  // endpoint id
  int numa_node = -1;  // of the NIC
};

// describe only; for this host's end.
Placement placement_of(const sdk::Host& host, const LinkOptions& options);

// Asks for this host's workers: both ends where there is one host, else one. `client_sends` tells which way
// most bytes go; with both it is the client's.
sdk::Outcome add_ends(const sdk::Host& host, const LinkOptions& options, bool client_sends,
                      std::uint32_t threads, std::uint64_t memory_bytes, std::uint64_t locked_bytes);

// In a worker: by which device the connections leave here, as a log line and a counter
// tcp:connections_via_DEVICE; the flag "loopback" where they never leave the host.
void say_route(const sdk::Host& host, std::span<const Connection> connections);

}  // namespace millrace::tcp
