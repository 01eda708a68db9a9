// SPDX-License-Identifier: Apache-2.0
// Holds a stream until all that is to run at once is queued: a kernel that waits for a word in pinned host
// memory.
#pragma once

#include "modules/cuda/allocation.hpp"
#include "modules/cuda/stream.hpp"
#include "modules/gpu/kernels.hpp"

namespace millrace::gpu {

class Gate {
 public:
  static Result<Gate> make();  // in the current context
  // The stream waits from here; `passed` is recorded behind it.
  Result<void> close(const Kernels& kernels, CUstream stream, const cuda::Event& passed,
                     std::int64_t timeout_ns);
  void open();
  [[nodiscard]] bool gave_up() const;  // it waited longer than the time-out, and the stream went on
  void abandon() { words_.abandon(); }

 private:
  cuda::PinnedMemory words_;  // go, gave up
};

}  // namespace millrace::gpu
