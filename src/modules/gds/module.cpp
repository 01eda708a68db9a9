// SPDX-License-Identifier: Apache-2.0
// The module's entry point: storage.gds_read and storage.gds_write.
#include "modules/cuda/failure.hpp"
#include "modules/cufile/api.hpp"
#include "modules/gds/parameters.hpp"
#include "modules/gds/probe.hpp"

namespace {

using namespace millrace;
using namespace millrace::gds;

template <typename Probe, std::size_t N>
constexpr millrace_probe probe_with(const char* name, const char* summary,
                                    const std::array<millrace_parameter, N>& parameters) {
  constexpr millrace_parameter kNone[] = {{}};
  millrace_probe probe = sdk::probe<Probe>(name, summary, kNone);
  probe.parameters = parameters.data();
  probe.parameter_count = static_cast<std::uint32_t>(N);
  return probe;
}

constexpr millrace_probe kRead = probe_with<ReadProbe>(
    "storage.gds_read", "reads a file into GPU memory by cuFile, and proves whether directly",
    kReadParameters);
constexpr millrace_probe kWrite = probe_with<WriteProbe>(
    "storage.gds_write", "writes a temporary file out of GPU memory by cuFile, and proves whether directly",
    kWriteParameters);
constexpr const millrace_probe* kProbes[] = {&kRead, &kWrite};

// Opens the library, and no driver: this may be a process that forks.
std::int32_t detect(const millrace_host* raw) {
  return sdk::guarded(raw, [](const sdk::Host& host) {
    if (const auto& calls = cufile::api(); !calls) return cuda::report(host, calls.error());
    if (const auto started = cuda::start(); !started) return cuda::report(host, started.error());
    return sdk::Outcome::kOk;
  });
}

constexpr millrace_probe_module kModule = sdk::module("gds", "1.0", kProbes, &detect);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
