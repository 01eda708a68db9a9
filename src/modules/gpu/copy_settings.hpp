// SPDX-License-Identifier: Apache-2.0
// What gpu.copy is asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/cuda/driver.hpp"
#include "modules/gpu/rounds.hpp"
#include "units/result.hpp"

namespace millrace::gpu {

inline constexpr millrace_parameter kCopyParameters[] = {
    sdk::choice("pattern", kPatternNames, "host-to-device",
                "who copies to whom; peer-read: the GPU that gets the bytes copies"),
    sdk::parameter(
        "gpu", MILLRACE_TEXT, "0",
        "index, PCI address or UUID, several with commas, or all: one after the other, a full matrix"),
    sdk::parameter("peer-gpu", MILLRACE_TEXT, "",
                   "the other GPUs; not set: all, and for bidirectional the host"),
    sdk::choice("engine", "copy-engine|sm", "copy-engine",
                "sm: a kernel on the GPU's multiprocessors copies"),
    sdk::parameter("size", MILLRACE_BYTES, "64MiB", "bytes a copy, whole 16s", 4096, 1e12),
    sdk::choice("memory", "near|far", "near", "host memory on the GPU's NUMA node, or on another"),
    sdk::parameter("slot", MILLRACE_DURATION, "80ms",
                   "of each pair, where there are several, before the next one's turn", 1e6, 6e10),
    sdk::parameter("verify", MILLRACE_FLAG, "on", "check the bytes that arrived, after each pair's turn"),
    sdk::parameter("timeout", MILLRACE_DURATION, "20s", "give up when no copy has ended for so long", 1e8,
                   6e11),
};

struct CopySettings {
  Pattern pattern = Pattern::kHostToDevice;
  std::vector<int> gpus, peers;
  std::vector<Round> rounds;  // at least one
  std::uint64_t size = 0;     // of a copy, whole 16s
  bool by_kernel = false, far = false, verify = true;
  std::int64_t slot_ns = 0, timeout_ns = 0;

  [[nodiscard]] std::vector<int> all_gpus() const;  // that any round uses
  // Bytes that a memory (a GPU's index, or kHost) must hold at once.
  [[nodiscard]] std::uint64_t bytes_of(int memory) const;
};

Result<CopySettings> copy_settings(const sdk::Host& host, const std::vector<cuda::Device>& devices);

}  // namespace millrace::gpu
