// SPDX-License-Identifier: Apache-2.0
// The probe gpu.copy: copies between host memory and GPUs, and between GPUs, by copy engines or kernels.
//
// The method is that of NVIDIA/nvbandwidth: copies wait behind a gate until all are queued; streams that run
// at once wait for one event; what disturbs is fed for as long as what it disturbs. Unlike there, streams are
// kept fed for the whole time, so that the throughput is what the paths sustain; the metrics NAME_bytes_per_s
// are of single copies, by the device's clock. Bytes are counted once, where they arrive. With several GPUs
// each pair has its turn, and the throughput is the mean over pairs: the matrix is in the metrics, and flags
// name what is out of line in it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/gpu/bench.hpp"
#include "modules/gpu/copy_settings.hpp"
#include "modules/gpu/rates.hpp"

namespace millrace::gpu {

class CopyProbe : public sdk::Probe {
 public:
  static sdk::Outcome describe(sdk::Host& host);
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 private:
  Result<void> prepare(const sdk::Host& host);
  Result<void> run_all(const sdk::Host& host);
  Result<void> run_round(const sdk::Host& host, sdk::Recorder& recorder, const Round& round);
  Result<bool> reachable(const Round& round) const;
  Result<void> check(const sdk::Host& host, const Round& round);

  // Host memory is that which the copying GPU is near to, or far from.
  [[nodiscard]] int memory_of(const Flow& flow, int Flow::*end) const;

  CopySettings settings_;
  std::map<int, int> node_of_;  // of host memory for each GPU
  std::unique_ptr<Bench> bench_;
  Rates rates_;  // of flows between GPUs
};

const millrace_probe& copy_probe();

}  // namespace millrace::gpu
