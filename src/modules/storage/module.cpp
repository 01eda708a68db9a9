// SPDX-License-Identifier: Apache-2.0
// The module's entry point: storage.read and storage.write.
#include <liburing.h>

#include "modules/storage/parameters.hpp"
#include "modules/storage/plan.hpp"
#include "modules/storage/probe.hpp"
#include "modules/storage/ring.hpp"

namespace {

using namespace millrace;
using namespace millrace::storage;

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
    "storage.read", "reads files, block devices or a data set by io_uring", kReadParameters);
constexpr millrace_probe kWrite = probe_with<WriteProbe>(
    "storage.write", "writes a temporary file, or a block device named by --destroy, by io_uring",
    kWriteParameters);
constexpr const millrace_probe* kProbes[] = {&kRead, &kWrite};

// A ring as small as they come tells whether the kernel lets us have one.
std::int32_t detect(const millrace_host* raw) {
  return sdk::guarded(raw, [](const sdk::Host& host) {
    const auto ring = Ring::make({.depth = 1});
    return ring ? sdk::Outcome::kOk : report(host, ring.error());
  });
}

constexpr millrace_probe_module kModule = sdk::module("storage", "1.0", kProbes, &detect);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
