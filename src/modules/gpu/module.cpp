// SPDX-License-Identifier: Apache-2.0
// The module's entry points: GPUs as memories.
#include "millrace/module_abi.h"
#include "modules/gpu/gpu_memory.hpp"

extern "C" MILLRACE_EXPORT const millrace_memory_module* millrace_memory_module_v1() {
  return &millrace::gpu::memory_module();
}
