// SPDX-License-Identifier: Apache-2.0
#include "run/peer/grant.hpp"

#include <algorithm>

namespace millrace::run::peer {

std::uint64_t next_grant(std::span<const Pace> hosts, std::uint64_t horizon_ns) {
  Pace slowest{UINT64_MAX, 0, 0};
  bool known = true;
  for (const Pace& host : hosts) {
    slowest.reached = std::min(slowest.reached, host.reached);
    slowest.pace_ns = std::max(slowest.pace_ns, host.pace_ns);
    slowest.ran = std::max(slowest.ran, host.ran);
    known = known && host.pace_ns > 0;
  }
  const std::uint64_t most = 4 * std::max<std::uint64_t>(slowest.ran, 1);
  return slowest.reached + (known ? std::clamp<std::uint64_t>(horizon_ns / slowest.pace_ns, 1, most) : 1);
}

}  // namespace millrace::run::peer
