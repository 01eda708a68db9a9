// SPDX-License-Identifier: Apache-2.0
// tcp.latency: how long a message and its reply take, one at a time or under a given load.
#pragma once

#include "millrace/probe.hpp"
#include "modules/tcp/latency_options.hpp"
#include "modules/tcp/rendezvous.hpp"

namespace millrace::tcp {

class LatencyProbe : public sdk::Probe {
 public:
  static sdk::Outcome describe(sdk::Host& host);
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 private:
  Result<void> prepare(const sdk::Host& host);
  Result<LoopEnd> ask(const sdk::Host& host, const Connection& connection) const;

  LatencyOptions options_;
  Meeting meeting_;
};

}  // namespace millrace::tcp
