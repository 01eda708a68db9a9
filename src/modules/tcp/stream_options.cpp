// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/stream_options.hpp"

#include <sched.h>

#include <algorithm>

namespace millrace::tcp {
namespace {

constexpr std::uint64_t kLeastVerified = 64 << 10;  // of a stream, whatever --verify-size
constexpr std::uint32_t kMostThreads = 120;         // two directions stay below the recorders of a worker

std::uint32_t cpus_here() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<std::uint32_t>(CPU_COUNT(&set)) : 1;
}

std::uint32_t threads_from(const sdk::Host& host, std::uint32_t streams, bool both) {
  if (host.given("threads")) return std::min(static_cast<std::uint32_t>(host.integer("threads")), streams);
  return std::clamp(std::min(streams, cpus_here() / (both ? 4 : 2)), 1U, kMostThreads);
}

Direction direction_from(std::string_view text) {
  if (text == "receive") return Direction::kReceive;
  return text == "both" ? Direction::kBoth : Direction::kSend;
}

}  // namespace

Result<StreamOptions> stream_options_from(const sdk::Host& host) {
  Result<LinkOptions> link = link_options_from(host);
  if (!link) return tl::unexpected(link.error());
  StreamOptions options;
  options.link = *link;
  options.direction = direction_from(host.text("direction"));
  options.streams = std::max(static_cast<std::uint32_t>(host.integer("streams")), 1U);
  options.threads = threads_from(host, options.streams, options.direction == Direction::kBoth);
  options.block_size = std::max<std::size_t>(host.bytes("block-size"), 1);
  options.zero_copy = host.flag("zero-copy");
  options.discard = host.flag("discard");
  options.verify = host.flag("verify");
  options.verify_bytes = std::max(host.bytes("verify-size") / options.streams, kLeastVerified);
  options.link.nodelay = host.flag("nodelay");
  options.link.pacing_bytes_per_s = host.integer("rate") / options.streams;
  return options;
}

}  // namespace millrace::tcp
