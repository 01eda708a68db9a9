// SPDX-License-Identifier: Apache-2.0
// rdma.write, rdma.read and rdma.send: one implementation, told apart by the operation. A worker is one end
// of one link.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/rdma/link_end.hpp"
#include "modules/rdma/ping_pong.hpp"
#include "modules/rdma/receiver.hpp"
#include "modules/rdma/verify.hpp"

namespace millrace::rdma {

class RdmaProbe : public sdk::Probe {
 public:
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;

 protected:
  explicit RdmaProbe(Operation operation) : operation_(operation) {}
  static sdk::Outcome describe(sdk::Host& host, Operation operation);

 private:
  Result<void> set_up(const sdk::Host& host);
  Result<void> meet(const sdk::Host& host);
  Result<void> join(const sdk::Host& host);
  Result<void> sweep(const sdk::Host& host);
  // `bytes_per_s`: 0 but at the end that counts, of bandwidth.
  Result<void> sweep_size(const sdk::Host& host, std::uint64_t size, double& bytes_per_s);
  Result<void> measure(const sdk::Host& host);
  void say_what_was_used(const sdk::Host& host) const;
  // The end at which operations count: the receiver of sends, else the initiator.
  [[nodiscard]] bool counts() const;
  sdk::Outcome give_up(const sdk::Host& host, const Error& error);

  Operation operation_;
  std::unique_ptr<LinkEnd> end_;
  std::optional<Receiver> receiver_;
  std::optional<PingPong> ping_pong_;
  Verified verified_;
  std::vector<std::pair<std::string, double>> swept_;  // samples, handed over when the run begins
  bool reports_counters_ = false;                      // one worker does, of each port of a host
};

template <Operation kOperation>
class ProbeOf : public RdmaProbe {
 public:
  ProbeOf() : RdmaProbe(kOperation) {}
  static sdk::Outcome describe(sdk::Host& host) { return RdmaProbe::describe(host, kOperation); }
};

using WriteProbe = ProbeOf<Operation::kWrite>;
using ReadProbe = ProbeOf<Operation::kRead>;
using SendProbe = ProbeOf<Operation::kSend>;

}  // namespace millrace::rdma
