// SPDX-License-Identifier: Apache-2.0
// One message at a time: the time from posting it until the other end's answer is here.
//  rdma.write  the other end writes back; an arrival is seen by its last byte, which carries the message's
//              number, or by an immediate, where the CPU cannot poll the memory
//  rdma.send   the other end sends back
//  rdma.read   there is no answer to wait for: the completion itself is the round trip
#pragma once

#include <cstdint>

#include "millrace/recorder.hpp"
#include "modules/rdma/link_end.hpp"
#include "modules/rdma/phase.hpp"
#include "modules/rdma/receiver.hpp"

namespace millrace::rdma {

class PingPong {
 public:
  PingPong(const sdk::Host& host, LinkEnd& end, Receiver& receiver)
      : host_(host), end_(end), receiver_(receiver), settings_(end.settings()) {}

  // The initiator. `took(now_ns, round_trip_ns)` is called for each; datagrams that went unanswered are sent
  // again and counted as lost.
  template <typename Took>
  Result<void> ask(std::uint64_t size, Phase& phase, Took took) {
    std::int64_t begin = host_.now_ns();
    while (!phase.is_over(begin)) {
      const auto end = one_round_trip(size, begin, phase);
      if (!end) return tl::unexpected(end.error());
      if (*end == 0) break;  // the phase is over
      took(*end, *end - begin);
      begin = *end;
    }
    return phase.error();
  }

  // The responder.
  Result<void> answer(std::uint64_t size, Phase& phase);

  // Leaves nothing behind that the next phase could take for an arrival; between phases.
  Result<void> clear();

  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  static std::uint8_t mark(std::uint64_t number) { return static_cast<std::uint8_t>(1 + number % 255); }
  Result<void> post(std::uint64_t size, std::uint64_t number);
  Result<void> take_completion();
  // When it was over, in ns; 0: the phase ended first.
  Result<std::int64_t> one_round_trip(std::uint64_t size, std::int64_t begin_ns, Phase& phase);
  // Whether message `number` is here; otherwise take another look.
  Result<bool> has_arrived(std::uint64_t size, std::uint64_t number);
  Result<void> wait_for_completion(Phase& phase);

  sdk::Host host_;  // a view; open and run are each given their own
  LinkEnd& end_;
  Receiver& receiver_;
  const Settings& settings_;
  std::uint64_t number_ = 0, in_flight_ = 0, lost_ = 0;
  std::uint32_t answer_to_ = 0;  // of the datagram that arrived last
};

}  // namespace millrace::rdma
