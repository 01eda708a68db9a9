// SPDX-License-Identifier: Apache-2.0
#include "millrace/probe.hpp"
#include "modules/host/copy_probe.hpp"
#include "modules/host/host_memory.hpp"

extern "C" MILLRACE_EXPORT const millrace_memory_module* millrace_memory_module_v1() {
  return &millrace::host::memory_module();
}

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() {
  static const millrace_probe* const probes[] = {&millrace::host::copy_probe()};
  static const millrace_probe_module module = millrace::sdk::module("host", "1.0", probes);
  return &module;
}
