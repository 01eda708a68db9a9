// SPDX-License-Identifier: Apache-2.0
// What tcp.stream and tcp.latency have in common: between which addresses, and how the sockets are set.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "millrace/probe.hpp"
#include "modules/tcp/address.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

struct LinkOptions {
  Address client;                           // of rank 0, which connects
  std::optional<Address> only_server;       // given or implied; not set: each host's own address
  std::uint16_t port = 0;                   // on which servers listen; 0: any, of the range if there is one
  std::uint16_t first_port = 0;             // the range that this host allows; 0: none
  std::uint16_t last_port = 0;              // included
  std::int64_t connect_timeout_ns = 0;      // until all connections stand
  std::int64_t silence_ns = 0;              // after which a peer that does not move is given up
  std::string congestion;                   // "": the system's default
  int mss = 0;                              // 0: the path's
  int send_buffer = 0, receive_buffer = 0;  // 0: the kernel tunes them
  std::int64_t busy_poll_ns = 0;            // 0: off
  bool nodelay = true;
  std::uint64_t pacing_bytes_per_s = 0;  // of one connection; 0: as fast as it goes
};

// The role of a rank: 0 connects to all others, which listen.
[[nodiscard]] inline bool is_client(const sdk::Host& host) { return host.rank() == 0; }

// The address at which host `server` (1 … hosts - 1; 1 where there is one host) listens.
Result<Address> server_address(const sdk::Host& host, const LinkOptions& options, int server);

Result<LinkOptions> link_options_from(const sdk::Host& host);

// Whether the kernel takes these options and addresses, on this host: a socket is made and closed again.
Result<void> try_link_options(const sdk::Host& host, const LinkOptions& options);

inline constexpr std::array kLinkParameters{
    sdk::parameter(
        "address", MILLRACE_ADDRESS, "",
        "numeric IP address from which to connect; default: that by which the hosts know each other, or "
        "loopback on one host"),
    sdk::parameter("peer-address", MILLRACE_ADDRESS, "",
                   "numeric IP address on which the other end listens; default: as for --address"),
    sdk::parameter("port", MILLRACE_COUNT, "0", "TCP port on which the other end listens; 0: any", 0, 65535),
    sdk::parameter("connect-timeout", MILLRACE_DURATION, "5s", "until all connections stand", 1e6, 6e11),
    sdk::parameter("silence", MILLRACE_DURATION, "10s", "give a peer up that does not move for so long", 1e8,
                   6e11),
    sdk::parameter("congestion", MILLRACE_TEXT, "",
                   "congestion control, such as cubic; default: the system's"),
    sdk::parameter("mss", MILLRACE_BYTES, "", "largest segment; default: what the path allows", 88, 32767),
    sdk::parameter("send-buffer", MILLRACE_BYTES, "", "of each socket; default: the kernel tunes it", 4096,
                   1e9),
    sdk::parameter("receive-buffer", MILLRACE_BYTES, "", "of each socket; default: the kernel tunes it", 4096,
                   1e9),
};

}  // namespace millrace::tcp
