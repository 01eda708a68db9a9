// SPDX-License-Identifier: Apache-2.0
// tcp.stream: how many bytes per second go through 1 … N connections, in one direction or both.
#pragma once

#include <atomic>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/tcp/receiver.hpp"
#include "modules/tcp/rendezvous.hpp"
#include "modules/tcp/sender.hpp"
#include "modules/tcp/stream_options.hpp"

namespace millrace::tcp {

class StreamProbe : public sdk::Probe {
 public:
  static sdk::Outcome describe(sdk::Host& host);
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 private:
  Result<void> prepare(const sdk::Host& host);
  Result<void> share_out();
  void say_what_was_used(const sdk::Host& host) const;

  StreamOptions options_;
  Meeting meeting_;
  std::vector<Sender> senders_;      // one a thread
  std::vector<Receiver> receivers_;  // one a thread
};

}  // namespace millrace::tcp
