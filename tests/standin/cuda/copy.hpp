// SPDX-License-Identifier: Apache-2.0
// A copy, by a copy engine or by a kernel, over the machine's links.
#pragma once

#include <cstdint>

#include "cuda/driver.hpp"

namespace millrace::standin::cuda {

struct Copy {
  std::uint64_t to = 0, from = 0, size = 0;
  Path path;
  int from_gpu = -1, to_gpu = -1;  // -1: host
  double slower = 1;               // pageable host memory goes through a staging buffer
  Trouble trouble;
};

// Finds out where both sides lie and which links the bytes cross; `context`'s GPU is the one that copies.
// CUDA_ERROR_INVALID_VALUE: a side lies in a GPU's memory, but in no allocation, or leaves it at its end.
CUresult plan_copy(CUcontext context, std::uint64_t to, std::uint64_t from, std::uint64_t size, Copy& copy);
// Plays it; returns when it ends.
std::int64_t play_copy(const Copy& copy, std::int64_t ready_ns);

}  // namespace millrace::standin::cuda
