// SPDX-License-Identifier: Apache-2.0
// The module's entry point: tcp.stream and tcp.latency.
#include <algorithm>
#include <array>

#include "millrace/probe.hpp"
#include "modules/tcp/latency_options.hpp"
#include "modules/tcp/latency_probe.hpp"
#include "modules/tcp/link_options.hpp"
#include "modules/tcp/network_failure.hpp"
#include "modules/tcp/socket.hpp"
#include "modules/tcp/stream_options.hpp"
#include "modules/tcp/stream_probe.hpp"

namespace {

using namespace millrace;
using namespace millrace::tcp;

template <std::size_t N, std::size_t M>
constexpr auto joined(const std::array<millrace_parameter, N>& first,
                      const std::array<millrace_parameter, M>& second) {
  std::array<millrace_parameter, N + M> all{};
  std::copy(first.begin(), first.end(), all.begin());
  std::copy(second.begin(), second.end(), all.begin() + N);
  return all;
}

constexpr std::array kStreamParameters = joined(kOwnStreamParameters, kLinkParameters);
constexpr std::array kLatencyParameters = joined(kOwnLatencyParameters, kLinkParameters);

template <typename Probe, std::size_t N>
constexpr millrace_probe probe_with(const char* name, const char* summary,
                                    const std::array<millrace_parameter, N>& parameters) {
  constexpr millrace_parameter kNone[] = {{}};
  millrace_probe probe = sdk::probe<Probe>(name, summary, kNone);
  probe.parameters = parameters.data();
  probe.parameter_count = static_cast<std::uint32_t>(N);
  return probe;
}

constexpr millrace_probe kStream = probe_with<StreamProbe>(
    "tcp.stream", "streams over TCP between hosts, or over loopback; the receiver counts", kStreamParameters);
constexpr millrace_probe kLatency = probe_with<LatencyProbe>(
    "tcp.latency", "requests and replies over TCP: the round trip, or half of it", kLatencyParameters);
constexpr const millrace_probe* kProbes[] = {&kStream, &kLatency};

std::int32_t detect(const millrace_host* raw) {
  return sdk::guarded(raw, [](const sdk::Host& host) {
    const Result<Socket> four = make_socket(AF_INET, {});
    if (four || make_socket(AF_INET6, {})) return sdk::Outcome::kOk;
    return host.unavailable(four.error().what, four.error().hint);
  });
}

constexpr millrace_probe_module kModule = sdk::module("tcp", "1.0", kProbes, &detect);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
