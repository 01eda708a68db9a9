// SPDX-License-Identifier: Apache-2.0
// A rank's arrays in its GPU's memory, and what is written to and read from them between collectives.
#pragma once

#include <cuda.h>

#include <cstddef>
#include <span>
#include <vector>

#include "modules/collective/rotation.hpp"
#include "modules/cuda/allocation.hpp"
#include "modules/cuda/context.hpp"
#include "modules/nccl/communicator.hpp"
#include "modules/nccl/settings.hpp"
#include "units/result.hpp"

namespace millrace::nccl {

struct Turn {
  CUdeviceptr input = 0, output = 0;  // in place, one lies within the other, or is it
  std::size_t input_bytes = 0, output_bytes = 0;
};

class Buffers {
 public:
  // Exit::kInconclusive when they do not fit into what is free.
  static Result<Buffers> allocate(const Settings& settings, int rank, const cuda::Context& context,
                                  const Communicator& communicator);
  Buffers() = default;
  Buffers(Buffers&& other) noexcept { *this = std::move(other); }
  Buffers& operator=(Buffers&& other) noexcept;
  ~Buffers() { release(); }

  [[nodiscard]] const std::vector<Turn>& turns() const { return turns_; }
  [[nodiscard]] const collective::Rotation& rotation() const { return rotation_; }
  // While the communicator that knows them lives: before it is closed.
  void release();
  void abandon();  // see Context::abandon

 private:
  collective::Rotation rotation_;
  std::vector<Turn> turns_;
  cuda::DeviceMemory memory_;
  void* registered_ = nullptr;  // of ncclMemAlloc
  void* registration_ = nullptr;
  ncclComm_t communicator_ = nullptr;
};

// Synchronous copies between host memory and an array.
Result<void> write(CUdeviceptr to, std::span<const std::byte> from);
Result<void> read(std::span<std::byte> to, CUdeviceptr from);
Result<void> poison(CUdeviceptr at, std::size_t size);

}  // namespace millrace::nccl
