// SPDX-License-Identifier: Apache-2.0
// Modules that cannot be used: which of them this is, the build says.
#include <millrace/module_abi.h>

#include <cstdint>

namespace {
#if defined(FAULT_wrong_size)
// Made by somebody who counted wrong: no reader may touch a member past its size.
constexpr millrace_probe_module kModule{8, 1000, "wrong_size", "1", nullptr, nullptr};
#elif defined(FAULT_null_name)
constexpr millrace_probe_module kModule{sizeof(millrace_probe_module), 0, nullptr, nullptr, nullptr, nullptr};
#elif defined(FAULT_missing_library)
extern "C" int faulty_vendor_devices(void);
std::int32_t detect(const millrace_host*) {
  return faulty_vendor_devices() > 0 ? MILLRACE_OK : MILLRACE_UNAVAILABLE;
}
constexpr millrace_probe_module kModule{
    sizeof(millrace_probe_module), 0, "missing_library", "1", detect, nullptr};
#endif
}  // namespace

#if defined(FAULT_no_symbol)
extern "C" MILLRACE_EXPORT int no_module_at_all() { return 1; }
#elif defined(FAULT_null_module)
extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return nullptr; }
#else
extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
#endif
