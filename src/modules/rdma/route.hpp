// SPDX-License-Identifier: Apache-2.0
// How the two ends of a link reach each other: agreed from what both have said, the same on either end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "modules/rdma/gids.hpp"
#include "modules/rdma/greeting.hpp"
#include "modules/rdma/settings.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

struct Route {
  std::uint32_t mtu = 0;                    // bytes
  std::optional<std::pair<Gid, Gid>> gids;  // mine and theirs; nothing: by LID
  std::uint32_t their_lid = 0;
  std::uint32_t reads = 1;  // outstanding RDMA reads, either way
};

// "rxe0 port 1", of another host "rxe0 port 1 of 10.9.0.2".
std::string end_text(const Greeting& end, const std::string& address);

// Fails where the ends cannot talk: one is InfiniBand and one RoCE, their MTUs differ and none is given, they
// have no GIDs that fit, a datagram is larger than the MTU. `my_address`, `their_address`: by which the hosts
// reached each other, "" on one host.
Result<Route> agree(const Settings& settings, const Greeting& mine, const Greeting& theirs,
                    const std::string& my_address, const std::string& their_address);

}  // namespace millrace::rdma
