// SPDX-License-Identifier: Apache-2.0
// The end that messages are sent to: keeps receives posted and counts what arrives.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "modules/rdma/link_end.hpp"
#include "modules/rdma/phase.hpp"
#include "modules/rdma/stream.hpp"

namespace millrace::rdma {

struct Arrival {
  std::uint32_t queue_pair = 0;
  std::uint64_t number = 0;     // of those that arrived at the queue pair: its slot is layout().in(…)
  std::uint32_t immediate = 0;  // of a datagram: of those that were sent
};

class Receiver {
 public:
  Receiver(const sdk::Host& host, LinkEnd& end) : host_(host), end_(end), pairs_(end.queue_pairs()) {}

  // Until the phase is over; then what has arrived already is still taken.
  Result<Passage> receive(const Work& work, Phase& phase);

  // The next one, if one has arrived. Its slot is given back to the device by the next call of repost.
  Result<std::optional<Arrival>> next();
  Result<void> repost();

 private:
  struct Pair {
    std::uint64_t arrived = 0, reposted = 0;  // reposted lags behind arrived
  };
  Result<int> take(const Work& work, Passage& passage);
  Result<void> repost(std::uint32_t pair, std::uint64_t at_least);

  sdk::Host host_;  // a view; open and run are each given their own
  LinkEnd& end_;
  std::vector<Pair> pairs_;
  std::int64_t now_ns_ = 0, heard_ns_ = 0;  // heard: when something last arrived
};

}  // namespace millrace::rdma
