// SPDX-License-Identifier: Apache-2.0
// A collective over host memory: gloo.all_reduce and its kin. Ranks are workers, --ranks on each host; they
// run the collective again and again, and stop together. What counts as moved is S a collective, recorded by
// rank 0; latencies and algorithm bandwidth are of the slowest rank, which all learn between batches of some
// 50 ms.
#pragma once

#include <gloo/context.h>

#include <memory>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/collective/batch.hpp"
#include "modules/gloo/arrays.hpp"
#include "modules/gloo/calls.hpp"
#include "modules/gloo/settings.hpp"

namespace millrace::gloo {

class CollectiveProbe : public sdk::Probe {
 public:
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 protected:
  explicit CollectiveProbe(collective::Collective collective) : collective_(collective) {}
  static sdk::Outcome describe_it(const sdk::Host& host, collective::Collective collective);

 private:
  Result<void> prepare(const sdk::Host& host);
  void measure(const sdk::Host& host);
  sdk::Outcome ended_by(const sdk::Host& host, const std::exception& thrown) const;

  collective::Collective collective_;
  Settings settings_;
  Arrays arrays_;
  std::shared_ptr<::gloo::Context> context_;
  std::vector<Call> calls_;  // last: they hold on to the arrays and the context
};

template <collective::Collective kCollective>
class ProbeOf : public CollectiveProbe {
 public:
  ProbeOf() : CollectiveProbe(kCollective) {}
  static sdk::Outcome describe(sdk::Host& host) { return describe_it(host, kCollective); }
};

}  // namespace millrace::gloo
