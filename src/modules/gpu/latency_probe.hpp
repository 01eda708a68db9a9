// SPDX-License-Identifier: Apache-2.0
// The probe gpu.latency: one thread of a GPU follows a chain of pointers through host memory, a peer's memory
// or its own, so that each access waits for the one before it. An operation is an access; the latency is its
// mean over the
// --steps of one launch, by the GPU's own timer, so that launching is not in it. (After NVIDIA/nvbandwidth's
// host_device_latency_sm and device_to_device_latency_sm.)
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/gpu/bench.hpp"

namespace millrace::gpu {

class LatencyProbe : public sdk::Probe {
 public:
  static sdk::Outcome describe(sdk::Host& host);
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 private:
  struct Chase {
    std::string name;  // "gpu0_to_host"
    int gpu = 0;       // that follows the chain
    int memory = 0;    // where the chain lies: a GPU's index, or kHost
    CUdeviceptr base = 0;
  };
  Result<void> prepare(const sdk::Host& host);
  void abandon();  // see Context::abandon
  Result<CUdeviceptr> lay_chain(int memory);
  Result<void> follow(const sdk::Host& host, sdk::Recorder& recorder, const Chase& chase);

  std::unique_ptr<Bench> bench_;
  std::vector<std::uint32_t> next_;
  std::vector<Chase> chases_;
  std::map<int, cuda::DeviceMemory> on_gpus_;
  std::map<int, cuda::PinnedMemory> on_hosts_;
  cuda::PinnedMemory out_;
};

const millrace_probe& latency_probe();

}  // namespace millrace::gpu
