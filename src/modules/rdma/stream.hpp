// SPDX-License-Identifier: Apache-2.0
// The initiator's side of many messages in flight: RDMA writes, RDMA reads or sends.
#pragma once

#include <cstdint>

#include "millrace/recorder.hpp"
#include "modules/rdma/defaults.hpp"
#include "modules/rdma/link_end.hpp"
#include "modules/rdma/phase.hpp"

namespace millrace::rdma {

struct Work {
  std::uint64_t size = 0;
  Tuning tuning;
  std::uint64_t limit = 0;  // messages of each queue pair, a multiple of tuning.signal_every; 0: no limit
  bool drain = true;        // wait for what is in flight at the end
  sdk::Recorder* recorder = nullptr;  // counts what is complete
};

// What went by, counted from the first completion on, so that neither the start nor the end of the pipe
// dilutes the rate; where one was all, from the beginning.
class Passage {
 public:
  explicit Passage(std::int64_t begin_ns = 0) : begin_ns_(begin_ns) {}
  void count(std::uint64_t messages, std::int64_t now_ns) {
    if (first_ns_ != 0) after_first_ += messages;
    if (first_ns_ == 0) first_ns_ = now_ns;
    last_ns_ = now_ns;
    messages_ += messages;
  }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] double per_second() const {
    const bool one = after_first_ == 0;
    const std::int64_t took_ns = last_ns_ - (one ? begin_ns_ : first_ns_);
    return took_ns > 0
               ? static_cast<double>(one ? messages_ : after_first_) * 1e9 / static_cast<double>(took_ns)
               : 0;
  }

 private:
  std::uint64_t messages_ = 0, after_first_ = 0;
  std::int64_t begin_ns_, first_ns_ = 0, last_ns_ = 0;
};

// Until the phase is over or the limit is reached. Fails on the first completion with an error, and when
// none came for the settings' time-out.
Result<Passage> stream(const sdk::Host& host, LinkEnd& end, const Work& work, Phase& phase);

}  // namespace millrace::rdma
