// SPDX-License-Identifier: Apache-2.0
// nccl.pairs: ncclSend and ncclRecv between every two ranks, one pair and one direction at a time, while all
// others wait. A metric for each pair ("gpu0_to_gpu1_bytes_per_s": S by the receiver's time), and those named
// that fall out of the line.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/nccl/pair_matrix.hpp"
#include "modules/nccl/rank.hpp"

namespace millrace::nccl {

class PairsProbe : public sdk::Probe {
 public:
  static sdk::Outcome describe(sdk::Host& host);
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;
  sdk::Outcome close(sdk::Host& host) override;

 private:
  Result<void> prepare(const sdk::Host& host);
  Result<void> meet_all();
  Result<void> move(const sdk::Host& host, const RankPair& pair, bool first, sdk::Recorder& recorder);
  Result<void> check_received(const sdk::Host& host, int from);
  Result<void> name_slow(const sdk::Host& host);
  [[nodiscard]] std::vector<std::string> names(const sdk::Host& host) const;

  std::unique_ptr<Rank> rank_;
  cuda::DeviceMemory small_;                // of the barrier, and of the rates at the end
  std::vector<std::vector<double>> rates_;  // from each rank to this one, bytes per second
  std::size_t checked_ = 0;                 // pairs that ended here
};

}  // namespace millrace::nccl
