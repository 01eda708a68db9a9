// SPDX-License-Identifier: Apache-2.0
// The parameters of tcp.latency: what the user may give, and what they come to.
#pragma once

#include <sched.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "millrace/probe.hpp"
#include "modules/tcp/link_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

struct LatencyOptions {
  LinkOptions link;
  std::size_t message_size = 0;
  std::optional<double> rate_per_s;  // of one connection; not set: the next request goes when the reply came
  bool spin = false;                 // the program polls instead of sleeping
  bool half = false;                 // half of a round trip is reported
  bool verify = true;
  std::uint64_t seed = 0;  // of arrivals
};

// A thread that polls gives its core away when nothing has come for long: on a core of its own that costs
// nothing, and where the other end waits for the same core, it is what lets it answer.
class Patience {
 public:
  explicit Patience(bool spins) : spins_(spins) {}
  void failed() {
    if (spins_ && ++polls_ % kPolls == 0) sched_yield();
  }

 private:
  static constexpr unsigned kPolls = 256;  // a tenth of a millisecond or so
  bool spins_;
  unsigned polls_ = 0;
};

// Touches no network.
Result<LatencyOptions> latency_options_from(const sdk::Host& host);

inline constexpr std::array kOwnLatencyParameters{
    sdk::parameter("message-size", MILLRACE_BYTES, "64B", "of a request, and of its reply", 1, 1 << 26),
    sdk::parameter(
        "rate", MILLRACE_COUNT, "",
        "requests per second, arriving at random (Poisson); latency counts from the intended start. "
        "Default: the next when the reply came",
        1, 1e8),
    sdk::choice("report", "round-trip|half", "round-trip",
                "what the latency is: a round trip, or half of one"),
    sdk::choice("wait", "block|spin", "block",
                "for what comes: asleep in the kernel, or polling at both ends"),
    sdk::parameter("busy-poll", MILLRACE_DURATION, "",
                   "the kernel polls the NIC for so long before it sleeps (SO_BUSY_POLL)", 1e3, 1e8),
    sdk::parameter("verify", MILLRACE_FLAG, "on", "check every byte of some replies before the measurement"),
    sdk::parameter("seed", MILLRACE_COUNT, "", "of the arrivals; default: a new one each time"),
};

}  // namespace millrace::tcp
