// SPDX-License-Identifier: Apache-2.0
// The module's entry point: rdma.write, rdma.read and rdma.send.
#include "modules/rdma/parameters.hpp"
#include "modules/rdma/plan.hpp"
#include "modules/rdma/ports.hpp"
#include "modules/rdma/probe.hpp"
#include "modules/rdma/words.hpp"

namespace {

using namespace millrace;
using namespace millrace::rdma;

template <typename Probe, std::size_t N>
constexpr millrace_probe probe_with(const char* name, const char* summary,
                                    const std::array<millrace_parameter, N>& parameters) {
  constexpr millrace_parameter kNone[] = {{}};
  millrace_probe probe = sdk::probe<Probe>(name, summary, kNone);
  probe.parameters = parameters.data();
  probe.parameter_count = static_cast<std::uint32_t>(N);
  return probe;
}

constexpr millrace_probe kWrite = probe_with<WriteProbe>(
    "rdma.write", "writes into the other end's memory; latency is of a ping-pong of writes",
    kWriteParameters);
constexpr millrace_probe kRead = probe_with<ReadProbe>(
    "rdma.read", "reads from the other end's memory; latency is a round trip by nature", kReadParameters);
constexpr millrace_probe kSend = probe_with<SendProbe>(
    "rdma.send", "sends messages that the other end receives; latency is of a ping-pong", kSendParameters);
constexpr const millrace_probe* kProbes[] = {&kWrite, &kRead, &kSend};

std::int32_t detect(const millrace_host* raw) {
  return sdk::guarded(raw, [](const sdk::Host& host) {
    return device_names().empty() ? report(host, no_devices(device_names_in("/sys"))) : sdk::Outcome::kOk;
  });
}

constexpr millrace_probe_module kModule = sdk::module("rdma", "1.0", kProbes, &detect);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
