// SPDX-License-Identifier: Apache-2.0
// Collectives on a stream, several ahead, each between two events: their times are the GPU's, without the
// time that launching takes, told on the host's clock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/collective/batch.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/nccl/communicator.hpp"
#include "units/result.hpp"

namespace millrace::nccl {

// At most about as many launches fit into the queue of a device before a further one blocks the caller.
inline constexpr std::size_t kMostQueued = 32;

class Timeline {
 public:
  // Communicator and stream outlive this. `doing`: "all_reduce", for messages.
  static Result<Timeline> make(const sdk::Host& host, Communicator& communicator, const cuda::Stream& stream,
                               std::string doing);
  // When the stream is empty: sets the GPU's clock against the host's, to within a look at an event.
  Result<void> calibrate();
  // launch() puts work onto the stream.
  Result<void> put(const std::function<Result<void>()>& launch);
  [[nodiscard]] bool is_full() const { return queued_.size() >= kMostQueued; }
  [[nodiscard]] bool is_empty() const { return queued_.empty(); }
  // Waits for the oldest. It arrived when the stream had come to it and the host had launched it, whichever
  // was later.
  Result<collective::Interval> take();
  void abandon();  // see Context::abandon

 private:
  struct Pair {
    cuda::Event begin, end;
    std::int64_t launched_ns = 0;
  };
  sdk::Host host_{nullptr};
  Communicator* communicator_ = nullptr;
  const cuda::Stream* stream_ = nullptr;
  std::string doing_;
  cuda::Event base_;
  std::int64_t base_ns_ = 0;
  std::deque<Pair> queued_;
  std::vector<Pair> spare_;
};

}  // namespace millrace::nccl
