// SPDX-License-Identifier: Apache-2.0
// The module's entry points: GPUs as memories, and gpu.copy, gpu.memory, gpu.latency.
#include "millrace/probe.hpp"
#include "modules/cuda/driver.hpp"
#include "modules/cuda/failure.hpp"
#include "modules/gpu/copy_probe.hpp"
#include "modules/gpu/gpu_memory.hpp"
#include "modules/gpu/latency_probe.hpp"
#include "modules/gpu/memory_probe.hpp"

namespace {

using namespace millrace;

int32_t detect(const millrace_host* raw) {
  return sdk::guarded(raw, [](sdk::Host& host) {
    const auto found = cuda::devices();
    return found ? sdk::Outcome::kOk : cuda::report(host, found.error());
  });
}

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_memory_module* millrace_memory_module_v1() {
  return &millrace::gpu::memory_module();
}

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() {
  static const millrace_probe* const probes[] = {
      &millrace::gpu::copy_probe(), &millrace::gpu::latency_probe(), &millrace::gpu::memory_probe()};
  static const millrace_probe_module module = millrace::sdk::module("gpu", "1.0", probes, detect);
  return &module;
}
