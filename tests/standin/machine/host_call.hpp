// SPDX-License-Identifier: Apache-2.0
// How libcuda and another stand-in, whose work runs on a stream as a host function (cuLaunchHostFunc), tell
// each other the time by the machine's clock. A host function begins when what came before it was over,
// however late its thread woke, and ends when it says so, not when it returned: else a busy computer would
// seem to be slow links. They share no symbol, so it goes through three of the GPU's words that are for other
// libraries; one thread a GPU at a time.
#pragma once

#include <unistd.h>

#include <cstdint>

#include "machine/state.hpp"

namespace millrace::standin {

class HostCall {
 public:
  // libcuda's side, around the function.
  static void begin(GpuState& gpu, std::int64_t ready_ns) {
    gpu.of_other_libraries[kReady] = static_cast<std::uint64_t>(ready_ns);
    gpu.of_other_libraries[kEnd] = 0;
    gpu.of_other_libraries[kThread] = this_thread();
  }
  // When the function ended; `otherwise` where it does not say.
  static std::int64_t end(GpuState& gpu, std::int64_t otherwise) {
    if (gpu.of_other_libraries[kThread] != this_thread()) return otherwise;
    gpu.of_other_libraries[kThread] = 0;
    const std::uint64_t said = gpu.of_other_libraries[kEnd].exchange(0);
    return said == 0 ? otherwise : static_cast<std::int64_t>(said);
  }

  // The function's side. `otherwise` where libcuda does not say.
  static std::int64_t ready_ns(GpuState& gpu, std::int64_t otherwise) {
    if (gpu.of_other_libraries[kThread] != this_thread()) return otherwise;
    return static_cast<std::int64_t>(gpu.of_other_libraries[kReady].load());
  }
  static void say_end(GpuState& gpu, std::int64_t end_ns) {
    if (gpu.of_other_libraries[kThread] == this_thread())
      gpu.of_other_libraries[kEnd] = static_cast<std::uint64_t>(end_ns);
  }

 private:
  enum Word : std::size_t { kThread, kReady, kEnd };
  static std::uint64_t this_thread() { return static_cast<std::uint64_t>(gettid()); }
};

}  // namespace millrace::standin
