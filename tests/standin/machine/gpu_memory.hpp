// SPDX-License-Identifier: Apache-2.0
// The GPUs' memory: for each a sparse file beside the state's, mapped at the same address in every process of
// the played machine, so that a device pointer of one means the same in all. What ended processes left is
// freed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "machine/machine.hpp"

namespace millrace::standin {

class GpuMemory {
 public:
  static GpuMemory& instance();  // of Machine::instance(); maps at the first call, aborts when it cannot

  // The address, or nothing when no gap is large enough. Whole units of 64 KiB (cuMemAlloc's are 512 B or
  // more).
  std::optional<std::uint64_t> allocate(int gpu, std::uint64_t size);
  // False: no allocation begins there.
  bool free(std::uint64_t address);

  struct Range {
    int gpu = 0;
    std::uint64_t begin = 0, size = 0;  // of the allocation, as it was asked for
    int owner = 0;                      // process
  };
  // The allocation that an address lies in; nothing when it is freed or never was.
  [[nodiscard]] std::optional<Range> find(std::uint64_t address);
  // Which GPU's window an address lies in, allocated or not; -1: none's.
  [[nodiscard]] int gpu_of(std::uint64_t address) const;
  [[nodiscard]] std::uint64_t free_bytes(int gpu);

 private:
  GpuMemory();
  void drop_dead(GpuState& gpu) const;

  Machine& machine_;
  std::vector<int> files_;
};

}  // namespace millrace::standin
