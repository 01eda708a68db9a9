// SPDX-License-Identifier: Apache-2.0
// A device's primary context, held for this object's life. (The primary one, because vendor libraries such as
// NCCL and cuFile work in it: CUDA Driver API, "Primary Context Management".)
#pragma once

#include <cuda.h>

#include <memory>

#include "modules/cuda/driver.hpp"
#include "units/result.hpp"

namespace millrace::cuda {

class Context {
 public:
  static Result<Context> of(const Device& device);  // and makes it current
  Context() = default;
  Context(Context&& other) noexcept;
  Context& operator=(Context&& other) noexcept;
  ~Context();

  // For the calling thread: calls that allocate, launch and copy go to the current context.
  Result<void> make_current() const;
  // Lets this context's kernels and copies reach the peer's memory. Error when the two GPUs have no way to
  // each other's memory (Exit::kInconclusive). Idempotent.
  Result<void> reach(const Context& peer) const;
  struct Memory {
    std::uint64_t free = 0, total = 0;  // bytes
  };
  [[nodiscard]] Result<Memory> memory() const;
  // The context is not released: after a hang or a lost device that could take for ever.
  void abandon() { abandoned_ = true; }

  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] CUcontext handle() const { return handle_; }

 private:
  Device device_;
  CUcontext handle_ = nullptr;
  bool abandoned_ = false;
};

}  // namespace millrace::cuda
