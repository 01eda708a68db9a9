// SPDX-License-Identifier: Apache-2.0
// A collective between GPUs: nccl.all_reduce and its kin. Ranks are workers, one for each GPU; they run the
// collective again and again, and stop together. What counts as moved is S a collective, recorded by rank 0;
// latencies and bandwidths are of the slowest rank, by the GPUs' clocks, which all learn between batches of
// some 50 ms.
#pragma once

#include <memory>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/collective/batch.hpp"
#include "modules/nccl/rank.hpp"

namespace millrace::nccl {

class CollectiveProbe : public sdk::Probe {
 public:
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;
  sdk::Outcome close(sdk::Host& host) override;

 protected:
  explicit CollectiveProbe(collective::Collective collective) : collective_(collective) {}
  static sdk::Outcome describe_it(const sdk::Host& host, collective::Collective collective);

 private:
  Result<void> prepare(const sdk::Host& host);
  void tell(const sdk::Host& host) const;
  Result<void> measure(const sdk::Host& host);
  Result<bool> run_batch(const sdk::Host& host, std::uint64_t& iteration, std::uint64_t end,
                         sdk::Recorder& recorder, std::vector<collective::Interval>& mine);
  Result<void> take_oldest(const sdk::Host& host, sdk::Recorder& recorder,
                           std::vector<collective::Interval>& mine);

  collective::Collective collective_;
  std::unique_ptr<Rank> rank_;
};

template <collective::Collective kCollective>
class ProbeOf : public CollectiveProbe {
 public:
  ProbeOf() : CollectiveProbe(kCollective) {}
  static sdk::Outcome describe(sdk::Host& host) { return describe_it(host, kCollective); }
};

}  // namespace millrace::nccl
