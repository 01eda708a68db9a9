// SPDX-License-Identifier: Apache-2.0
// The check of the data, before the measuring: rounds of messages with a seeded pattern, of which the end
// that they arrive at checks every byte.
#pragma once

#include <cstdint>

#include "modules/rdma/link_end.hpp"
#include "modules/rdma/receiver.hpp"

namespace millrace::rdma {

struct Verified {
  std::uint64_t messages = 0, wrong = 0;
  std::uint64_t missing = 0;  // datagrams that did not arrive: unreliable, not wrong
  bool looked = false;        // this end is the one that checks
};

// Both ends call it. Fails when messages cannot be moved at all.
Result<Verified> verify(const sdk::Host& host, LinkEnd& end, Receiver& receiver);

}  // namespace millrace::rdma
