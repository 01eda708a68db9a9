// SPDX-License-Identifier: Apache-2.0
// A stretch of work that the two ends of a link begin and end together: the check of the data, one size of a
// sweep, the measuring.
#pragma once

#include <cstdint>
#include <limits>

#include "millrace/probe.hpp"
#include "modules/rdma/link_end.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

// Tells a loop when to stop: the core stopped the run, the time is over, or the other end is done.
class Phase {
 public:
  Phase(const sdk::Host& host, LinkEnd& end,
        std::int64_t deadline_ns = std::numeric_limits<std::int64_t>::max())
      : host_(host), end_(end), deadline_ns_(deadline_ns) {}

  // Tends the control line once a millisecond; its failure ends the phase: see error().
  [[nodiscard]] bool is_over(std::int64_t now_ns) {
    if (host_.cancelled() || now_ns >= deadline_ns_) return true;
    if (now_ns < look_next_ns_) return false;
    return look(now_ns);
  }
  [[nodiscard]] const Result<void>& error() const { return error_; }

 private:
  bool look(std::int64_t now_ns) {
    look_next_ns_ = now_ns + 1'000'000;
    error_ = end_.control().tend(now_ns);
    return !error_ || end_.control().other_is_done();
  }

  const sdk::Host& host_;
  LinkEnd& end_;
  std::int64_t deadline_ns_, look_next_ns_ = 0;
  Result<void> error_;
};

// Says that this end is done, and waits for the other to say so. `heed_cancel`: return early when the core
// stops the run. Where it does since the measurement has failed, at whichever end, a second is all that the
// other is waited for. Fails when the other end has not said so within the settings' time-out, failed, or is
// gone.
Result<void> finish_phase(const sdk::Host& host, LinkEnd& end, bool heed_cancel);

}  // namespace millrace::rdma
