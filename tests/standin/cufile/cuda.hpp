// SPDX-License-Identifier: Apache-2.0
// What cuFile asks of the CUDA driver that is loaded in this process.
#pragma once

#include <cuda.h>

#include <cstdint>
#include <optional>

namespace millrace::standin {

bool has_context();  // the calling thread

struct Allocation {
  int gpu = 0;  // as the machine's description counts
  std::uint64_t begin = 0, size = 0;
};
// The device memory that an address lies in; nothing where it lies in none, or in one that was freed.
std::optional<Allocation> allocation_of(const void* address);

// Queues a function in the order of the stream.
CUresult launch_host_function(CUstream stream, CUhostFn function, void* data);
bool is_stream(CUstream stream);

}  // namespace millrace::standin
