// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::gpu {
namespace {

constexpr std::array<std::string_view, 9> kNames{"host-to-device", "device-to-host", "peer-read",
                                                 "peer-write",     "bidirectional",  "one-to-all",
                                                 "all-to-one",     "all-to-host",    "host-to-all"};

std::string end_name(int gpu) { return gpu == kHost ? "host" : fmt::format("gpu{}", gpu); }

Round pair(Pattern pattern, int gpu, int peer) {
  switch (pattern) {
    case Pattern::kPeerRead: {
      const Flow flow{peer, gpu, gpu};
      return {name_of(flow), {flow}};
    }
    case Pattern::kPeerWrite: {
      const Flow flow{gpu, peer, gpu};
      return {name_of(flow), {flow}};
    }
    default:
      return {fmt::format("gpu{}_with_gpu{}", gpu, peer), {{gpu, peer, gpu}, {peer, gpu, peer}}};
  }
}

Round with_host(Pattern pattern, int gpu) {
  const Flow in{kHost, gpu, gpu}, out{gpu, kHost, gpu};
  if (pattern == Pattern::kHostToDevice) return {name_of(in), {in}};
  if (pattern == Pattern::kDeviceToHost) return {name_of(out), {out}};
  return {fmt::format("host_with_gpu{}", gpu), {in, out}};
}

Round with_all(Pattern pattern, int gpu, const std::vector<int>& others) {
  Round round{
      pattern == Pattern::kOneToAll ? fmt::format("gpu{}_to_all", gpu) : fmt::format("all_to_gpu{}", gpu),
      {}};
  for (const int other : others)
    if (other != gpu)
      round.flows.push_back(pattern == Pattern::kOneToAll ? Flow{gpu, other, gpu} : Flow{other, gpu, other});
  return round;
}

Round all_at_once(Pattern pattern, const std::vector<int>& gpus) {
  Round round{pattern == Pattern::kAllToHost ? "all_to_host" : "host_to_all", {}};
  for (const int gpu : gpus)
    round.flows.push_back(pattern == Pattern::kAllToHost ? Flow{gpu, kHost, gpu} : Flow{kHost, gpu, gpu});
  return round;
}

}  // namespace

std::string name_of(const Flow& flow) { return end_name(flow.from) + "_to_" + end_name(flow.to); }

Pattern pattern_named(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? Pattern::kHostToDevice : static_cast<Pattern>(found - kNames.begin());
}

bool is_between_gpus(Pattern pattern, bool with_peer) {
  return pattern == Pattern::kPeerRead || pattern == Pattern::kPeerWrite || pattern == Pattern::kOneToAll ||
         pattern == Pattern::kAllToOne || (pattern == Pattern::kBidirectional && with_peer);
}

Result<std::vector<Round>> rounds_of(Pattern pattern, const std::vector<int>& gpus,
                                     const std::vector<int>& peers) {
  std::vector<Round> rounds;
  if (pattern == Pattern::kAllToHost || pattern == Pattern::kHostToAll) return {{all_at_once(pattern, gpus)}};
  if (!is_between_gpus(pattern, !peers.empty())) {
    for (const int gpu : gpus) rounds.push_back(with_host(pattern, gpu));
    return rounds;
  }
  if (pattern == Pattern::kOneToAll || pattern == Pattern::kAllToOne) {
    for (const int gpu : gpus)
      if (Round round = with_all(pattern, gpu, peers); !round.flows.empty())
        rounds.push_back(std::move(round));
  } else {
    for (const int gpu : gpus)
      for (const int peer : peers) {
        // Both ways at once is the same for both orders: once, where both are asked for.
        const bool twice = pattern == Pattern::kBidirectional && gpu > peer &&
                           std::find(gpus.begin(), gpus.end(), peer) != gpus.end() &&
                           std::find(peers.begin(), peers.end(), gpu) != peers.end();
        if (gpu != peer && !twice) rounds.push_back(pair(pattern, gpu, peer));
      }
  }
  if (!rounds.empty()) return rounds;
  if (gpus == peers)
    return failure(fmt::format("--gpu {} and --peer-gpu {} are the same GPU", gpus.front(), peers.front()),
                   "give another --peer-gpu, or --peer-gpu all");
  return failure(fmt::format("{} needs a second GPU", kNames[static_cast<std::size_t>(pattern)]),
                 "give --peer-gpu N or --peer-gpu all, on a host with two GPUs or more");
}

}  // namespace millrace::gpu
