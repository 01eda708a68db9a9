// SPDX-License-Identifier: Apache-2.0
// Which copies run at once, and in which order: a pattern over some GPUs as rounds of flows. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "units/result.hpp"

namespace millrace::gpu {

enum class Pattern {
  kHostToDevice,
  kDeviceToHost,
  kPeerRead,       // the GPU that gets the bytes fetches them
  kPeerWrite,      // the GPU that has the bytes sends them
  kBidirectional,  // both ways at once: host and GPU, or two GPUs that each send
  kOneToAll,       // one GPU sends to all others at once
  kAllToOne,       // all others send to one GPU at once
  kAllToHost,      // all GPUs send to host memory at once
  kHostToAll,      // host memory to all GPUs at once
};
inline constexpr const char* kPatternNames =
    "host-to-device|device-to-host|peer-read|peer-write|bidirectional|one-to-all|all-to-one|all-to-host|host-"
    "to-all";
Pattern pattern_named(std::string_view name);  // one of the above

inline constexpr int kHost = -1;
// Host memory of a NUMA node, where it matters which; kHost is that of no node in particular.
constexpr int host_at(int node) { return -2 - node; }
constexpr bool is_host(int memory) { return memory < 0; }
constexpr int node_of_host(int memory) { return -2 - memory; }  // -1: of none in particular

// Bytes go from one memory to another: indices of GPUs, or kHost. `by` is the GPU that copies.
struct Flow {
  int from = kHost, to = kHost, by = 0;
  bool operator==(const Flow&) const = default;
};

// Flows that run at once. "gpu0_to_gpu1", "host_to_gpu2", "gpu0_with_gpu1", "gpu0_to_all": what its rate is
// called.
struct Round {
  std::string name;
  std::vector<Flow> flows;
  bool operator==(const Round&) const = default;
};

// gpus: of --gpu, one or all; peers: of --peer-gpu, none, one or all. Every GPU with every peer but itself,
// each pair in both orders where the order matters. Errors (Exit::kUsage): no second GPU for a pattern of
// pairs; a GPU paired with itself.
Result<std::vector<Round>> rounds_of(Pattern pattern, const std::vector<int>& gpus,
                                     const std::vector<int>& peers);

bool is_between_gpus(Pattern pattern, bool with_peer);
std::string name_of(const Flow& flow);  // "gpu0_to_gpu1"

}  // namespace millrace::gpu
