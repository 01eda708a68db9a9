// SPDX-License-Identifier: Apache-2.0
// What the two ends of a link tell each other before they are joined.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/rdma/gids.hpp"

namespace millrace::rdma {

struct QueuePairName {
  std::uint32_t number = 0, first_psn = 0;
  bool operator==(const QueuePairName&) const = default;
};

// Memory that the other end may write to or read from.
struct RemoteMemory {
  std::uint64_t address = 0;
  std::uint32_t key = 0, reserved = 0;
  bool operator==(const RemoteMemory&) const = default;
};

struct Greeting {
  std::string role;    // of the worker, see LinkRole
  std::string device;  // "mlx5_0"
  std::uint32_t host = 0, port = 0;
  std::uint32_t mtu = 0;  // bytes, of the active port
  std::uint32_t lid = 0;
  bool infiniband = false, reports_counters = false;
  std::uint32_t reads_as_initiator = 0, reads_as_responder = 0;  // outstanding RDMA reads that the device can
  RemoteMemory messages, control;
  std::vector<Gid> gids;                   // that may be used
  std::vector<QueuePairName> queue_pairs;  // the control line's first
  bool operator==(const Greeting&) const = default;
};

std::string to_bytes(const Greeting& greeting);

// Nothing where it is no greeting of this version: too short, too long, counts beyond bounds.
std::optional<Greeting> greeting_from(std::string_view bytes);

}  // namespace millrace::rdma
