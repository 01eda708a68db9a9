// SPDX-License-Identifier: Apache-2.0
// The answering end of tcp.latency: sends back each whole message as it came.
#pragma once

#include "millrace/probe.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/latency_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// Until the host says stop or the peer ends. Records nothing: the end that asked does.
Result<LoopEnd> echo(const sdk::Host& host, const Connection& connection, const LatencyOptions& options);

// So many messages, before the measurement.
Result<void> echo_some(const sdk::Host& host, const Connection& connection, const LatencyOptions& options,
                       std::uint32_t messages);

}  // namespace millrace::tcp
