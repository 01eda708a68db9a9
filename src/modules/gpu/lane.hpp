// SPDX-License-Identifier: Apache-2.0
// One flow of bytes on a stream of its own: the same work again and again, a few times queued ahead so that
// the stream never runs dry, and each timed by the device between the events at its ends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "modules/cuda/context.hpp"
#include "modules/cuda/stream.hpp"
#include "units/result.hpp"

namespace millrace::gpu {

class Lane {
 public:
  // Queues one piece of work, of `bytes` bytes, on the stream; the context is current.
  using Work = std::function<Result<void>(CUstream)>;
  static Result<Lane> make(const cuda::Context& context, std::string name, std::uint64_t bytes, Work work);

  // The start: what is queued afterwards begins when `start` is over (null: at once).
  Result<void> begin(const cuda::Event* start);
  Result<void> queue();  // one more time
  struct Done {
    double seconds = 0;
    std::uint64_t bytes = 0;
    std::uint64_t times = 0;  // how often the work was done: several when it is short
  };
  // The oldest that is over, if any.
  Result<std::optional<Done>> take();
  [[nodiscard]] bool is_empty() const { return taken_ == queued_; }
  [[nodiscard]] std::size_t ahead() const { return queued_ - taken_; }
  // How often the work is queued between two events, so that what is short costs few of them.
  void set_batch(std::uint64_t batch) { batch_ = batch; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] CUstream stream() const { return stream_.handle(); }
  [[nodiscard]] const cuda::Context& context() const { return *context_; }
  [[nodiscard]] const cuda::Event& started() const { return events_.front(); }
  void abandon();

  static constexpr std::size_t kAhead =
      3;  // with the batch, far below the 32 launches after which queueing blocks

 private:
  const cuda::Context* context_ = nullptr;
  std::string name_;
  std::uint64_t bytes_ = 0, batch_ = 1;
  Work work_;
  cuda::Stream stream_;
  std::vector<cuda::Event> events_;     // [0]: the start; then a ring
  std::vector<std::uint64_t> batches_;  // of each in the ring
  std::size_t queued_ = 0, taken_ = 0;
};

}  // namespace millrace::gpu
