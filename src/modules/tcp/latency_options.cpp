// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/latency_options.hpp"

#include <sys/random.h>

#include <algorithm>

namespace millrace::tcp {

Result<LatencyOptions> latency_options_from(const sdk::Host& host) {
  Result<LinkOptions> link = link_options_from(host);
  if (!link) return tl::unexpected(link.error());
  LatencyOptions options;
  options.link = *link;
  options.link.nodelay = true;  // else the kernel holds small messages back (Nagle, RFC 896)
  options.message_size = std::max<std::size_t>(host.bytes("message-size"), 1);
  const int connections = std::max(host.hosts() - 1, 1);
  if (host.given("rate")) options.rate_per_s = static_cast<double>(host.integer("rate")) / connections;
  // Such a latency counts from when the message was due: the waiting for its turn has no way back to halve.
  if (options.rate_per_s && host.text("report") == "half")
    return failure(
        "--report half and --rate exclude each other: at a rate, a latency holds the waiting before it is "
        "sent",
        "leave --rate out for half of a round trip, or --report for whole ones");
  options.spin = host.text("wait") == "spin";
  options.half = host.text("report") == "half";
  options.verify = host.flag("verify");
  options.seed = host.integer("seed");
  if (!host.given("seed") && getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
    options.seed = static_cast<std::uint64_t>(host.now_ns());
  return options;
}

}  // namespace millrace::tcp
