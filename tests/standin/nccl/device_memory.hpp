// SPDX-License-Identifier: Apache-2.0
// What the loaded libcuda.so.1 knows of devices and their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "nccl/vendor.hpp"

namespace millrace::standin::nccl {

// The machine's GPU that the current context is on; -1: there is no context.
int current_gpu();

struct Range {
  int gpu = -1;  // of the machine
  std::uint64_t begin = 0, size = 0;
  [[nodiscard]] bool holds(std::uint64_t address, std::size_t bytes) const {
    return address >= begin && address + bytes <= begin + size;
  }
};
// The allocation of device memory that an address lies in; nothing: it is no such address.
std::optional<Range> range_of(std::uint64_t address);

}  // namespace millrace::standin::nccl
