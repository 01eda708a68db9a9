// SPDX-License-Identifier: Apache-2.0
// read_direct of a GPU's memory: GPUDirect Storage by cuFile, where it is there.
#pragma once

#include <cstdint>
#include <memory>

#include "modules/gpu/device_memory.hpp"

namespace millrace::gpu {

class DirectAccess {
 public:
  // Null where this was built without cufile.h, or libcufile.so.0 is not to be had. The GPU outlives it.
  static std::unique_ptr<DirectAccess> of(OpenGpu& gpu);
  virtual ~DirectAccess() = default;

  // As millrace_memory::read_direct has it.
  virtual Result<std::size_t> read(int fd, std::uint64_t offset, void* pointer, std::size_t size) = 0;
  [[nodiscard]] virtual int path() const = 0;  // MILLRACE_PATH_*
  virtual void forget(void* allocation) = 0;   // before it is freed
};

}  // namespace millrace::gpu
