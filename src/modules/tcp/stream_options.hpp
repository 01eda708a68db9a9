// SPDX-License-Identifier: Apache-2.0
// The parameters of tcp.stream: what the user may give, and what they come to.
#pragma once

#include <array>
#include <cstdint>

#include "millrace/probe.hpp"
#include "modules/tcp/link_options.hpp"
#include "modules/tcp/rendezvous.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

enum class Direction { kSend, kReceive, kBoth };  // as the client sees it

struct StreamOptions {
  LinkOptions link;
  Direction direction = Direction::kSend;
  std::uint32_t streams = 1;
  std::uint32_t threads = 1;  // that send, and as many that receive
  std::size_t block_size = 0;
  bool zero_copy = false, discard = false, verify = true;
  std::uint64_t verify_bytes = 0;  // of each stream

  [[nodiscard]] StreamCounts counts() const {
    return {direction == Direction::kReceive ? 0 : streams, direction == Direction::kSend ? 0 : streams};
  }
};

// Touches no network. In a worker, threads are those that describe asked for.
Result<StreamOptions> stream_options_from(const sdk::Host& host);

inline constexpr std::array kOwnStreamParameters{
    sdk::choice("direction", "send|receive|both", "send",
                "send: from this host to the others; both: --streams each way at once"),
    sdk::parameter("streams", MILLRACE_COUNT, "1", "connections to each other host, in each direction", 1,
                   4096),
    sdk::parameter(
        "threads", MILLRACE_COUNT, "",
        "that share the streams, at each end and in each direction; default: one a stream, on half of "
        "the CPUs",
        1, 120),
    sdk::parameter("block-size", MILLRACE_BYTES, "1MiB", "bytes of one send and at most of one receive", 1,
                   1u << 30),
    sdk::parameter("zero-copy", MILLRACE_FLAG, "off", "send without a copy (MSG_ZEROCOPY)"),
    sdk::parameter(
        "discard", MILLRACE_FLAG, "off",
        "the receiver drops the data in the kernel, without a copy (MSG_TRUNC): no real user's path"),
    sdk::parameter("nodelay", MILLRACE_FLAG, "off", "send part-filled segments at once (TCP_NODELAY)"),
    sdk::parameter("rate", MILLRACE_RATE, "",
                   "pace the senders to this, all streams of one direction together", 1000, 1e12),
    sdk::parameter("verify", MILLRACE_FLAG, "on", "check every byte of a pass before the measurement"),
    sdk::parameter("verify-size", MILLRACE_BYTES, "4MiB", "bytes of that pass, all streams together", 1,
                   1e11),
};

}  // namespace millrace::tcp
