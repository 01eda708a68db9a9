// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/copy_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "modules/gpu/places.hpp"

namespace millrace::gpu {

std::vector<int> CopySettings::all_gpus() const {
  std::set<int> all;
  for (const Round& round : rounds)
    for (const Flow& flow : round.flows)
      for (const int gpu : {flow.from, flow.to})
        if (gpu != kHost) all.insert(gpu);
  return {all.begin(), all.end()};
}

// Sources and targets of the round that has most of each there; the host besides has one to check with.
std::uint64_t CopySettings::bytes_of(int memory) const {
  std::int64_t sources = 0, targets = 0;
  for (const Round& round : rounds) {
    const auto count = [&](int Flow::*end) {
      return std::count_if(round.flows.begin(), round.flows.end(),
                           [&](const Flow& flow) { return flow.*end == memory; });
    };
    sources = std::max<std::int64_t>(sources, count(&Flow::from));
    targets = std::max<std::int64_t>(targets, count(&Flow::to));
  }
  return static_cast<std::uint64_t>(sources + targets + (memory == kHost ? 1 : 0)) * size;
}

Result<CopySettings> copy_settings(const sdk::Host& host, const std::vector<cuda::Device>& devices) {
  CopySettings s;
  s.pattern = pattern_named(host.text("pattern"));
  s.by_kernel = host.text("engine") == "sm";
  s.far = host.text("memory") == "far";
  s.size = host.bytes("size") / 16 * 16;
  s.verify = host.flag("verify");
  s.slot_ns = host.duration_ns("slot");
  s.timeout_ns = host.duration_ns("timeout");
  auto gpus = chosen_gpus(devices, host.text("gpu"));
  if (!gpus) return tl::unexpected(gpus.error());
  s.gpus = std::move(*gpus);
  if (s.gpus.empty()) return failure("--gpu names no GPU", "give --gpu 0, or --gpu all");
  const bool all_peers = !host.given("peer-gpu") && s.pattern != Pattern::kBidirectional;
  auto peers = chosen_gpus(devices, all_peers ? std::string_view("all") : host.text("peer-gpu"));
  if (!peers) return tl::unexpected(peers.error());
  s.peers = std::move(*peers);
  if (devices.size() < 2 && is_between_gpus(s.pattern, !s.peers.empty()))
    return failure(fmt::format("{} needs a second GPU, and there is one", host.text("pattern")),
                   "measure host-to-device, or on a host with two GPUs or more");
  auto rounds = rounds_of(s.pattern, s.gpus, s.peers);
  if (!rounds) return tl::unexpected(rounds.error());
  s.rounds = std::move(*rounds);
  return s;
}

}  // namespace millrace::gpu
