// SPDX-License-Identifier: Apache-2.0
// The probe gpu.memory: what a GPU's own memory moves. Bytes counted are those that cross the memory's pins:
// a copy counts each byte twice, once read and once written (nvbandwidth's device_local_copy reports a copy's
// bytes once), a read or a write once. What the second-level cache holds is not the memory: --size is larger
// than it.
#pragma once

#include <memory>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/gpu/bench.hpp"

namespace millrace::gpu {

class MemoryProbe : public sdk::Probe {
 public:
  static sdk::Outcome describe(sdk::Host& host);
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 private:
  Result<void> prepare(const sdk::Host& host);
  Result<void> run_one(const sdk::Host& host, sdk::Recorder& recorder, int gpu);

  std::vector<int> gpus_;
  std::unique_ptr<Bench> bench_;
};

const millrace_probe& memory_probe();

}  // namespace millrace::gpu
