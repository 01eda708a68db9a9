// SPDX-License-Identifier: Apache-2.0
#include "counts.hpp"

#include "machine/state.hpp"

namespace millrace::standin {

GpuCounts& counts_of(int gpu) {
  static std::array<GpuCounts, kMostGpus> all;
  return all.at(static_cast<std::size_t>(gpu));
}

}  // namespace millrace::standin
