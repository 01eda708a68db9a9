// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels.cu in one context, ready to launch.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <utility>

#include "modules/cuda/context.hpp"
#include "units/result.hpp"

namespace millrace::gpu {

class Kernels {
 public:
  // Errors (Exit::kInconclusive): none were built in, or none fits this GPU.
  static Result<Kernels> load(const cuda::Context& context);
  Kernels() = default;
  Kernels(Kernels&& other) noexcept { *this = std::move(other); }
  Kernels& operator=(Kernels&& other) noexcept;
  ~Kernels();
  void abandon() { module_ = nullptr; }  // see Context::abandon

  // Launched in the context that they were loaded in, which must be current. Sizes in bytes, whole 16s;
  // addresses aligned to 16.
  Result<void> gate(CUstream stream, CUdeviceptr go, CUdeviceptr gave_up, std::int64_t timeout_ns) const;
  Result<void> copy(CUstream stream, CUdeviceptr to, CUdeviceptr from, std::uint64_t size) const;
  Result<void> copy_own(CUstream stream, CUdeviceptr to, CUdeviceptr from, std::uint64_t size) const;
  Result<void> read(CUstream stream, CUdeviceptr from, std::uint64_t size, CUdeviceptr sink) const;
  Result<void> write(CUstream stream, CUdeviceptr to, std::uint64_t size, std::uint32_t value) const;
  // out: two 64-bit words, nanoseconds and the last address.
  Result<void> chase(CUstream stream, CUdeviceptr start, std::uint64_t steps, CUdeviceptr out) const;
  // took: a 64-bit word, nanoseconds.
  Result<void> busy(CUstream stream, std::int64_t ns, CUdeviceptr took) const;

 private:
  CUcontext context_ = nullptr;
  CUmodule module_ = nullptr;
  CUfunction gate_ = nullptr, copy_ = nullptr, copy_own_ = nullptr, read_ = nullptr, write_ = nullptr,
             chase_ = nullptr, busy_ = nullptr;
  unsigned multiprocessors_ = 1;
};

}  // namespace millrace::gpu
