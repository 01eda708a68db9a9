// SPDX-License-Identifier: Apache-2.0
// The asking end of tcp.latency: requests, and how long their replies take.
#pragma once

#include <cstdint>

#include "millrace/probe.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/latency_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

struct PingEnd {
  LoopEnd end = LoopEnd::kStopped;
  std::int64_t behind_ns = 0;  // open loop: how late the next request was at the end
};

// One request at a time.
Result<PingEnd> ping_closed(const sdk::Host& host, const Connection& connection,
                            const LatencyOptions& options, sdk::Recorder& recorder);

// Requests at random times that do not depend on the replies; each counts from when it should have gone, so
// that one which waits for another, or for the socket, is not passed off as quick ("coordinated omission",
// G. Tene).
Result<PingEnd> ping_open(const sdk::Host& host, const Connection& connection, const LatencyOptions& options,
                          sdk::Recorder& recorder);

// So many requests whose replies are compared byte by byte; says verified().
Result<void> ping_some(const sdk::Host& host, const Connection& connection, const LatencyOptions& options,
                       std::uint32_t messages);

}  // namespace millrace::tcp
