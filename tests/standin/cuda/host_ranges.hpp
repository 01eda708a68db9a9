// SPDX-License-Identifier: Apache-2.0
// Host memory that the driver has pinned.
#pragma once

#include <cstdint>
#include <optional>

#include "cuda/vendor.hpp"

namespace millrace::standin::cuda {

struct HostRange {
  std::uint64_t begin = 0, size = 0;
  bool allocated = false;  // by cuMemHostAlloc, else registered
};

// CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED when it overlaps one.
CUresult add_host_range(const HostRange& range);
// False: none that begins there and was made in that way.
bool remove_host_range(std::uint64_t begin, bool allocated, HostRange& removed);
std::optional<HostRange> find_host_range(std::uint64_t address);

}  // namespace millrace::standin::cuda
