// SPDX-License-Identifier: Apache-2.0
// The other hosts of a measurement, as one that was asked to take part sees them: all it knows of them comes
// from the host that asked.
#pragma once

#include <string>
#include <vector>

#include "run/other_hosts.hpp"
#include "run/peer/connection.hpp"
#include "run/peer/door.hpp"
#include "run/peer/messages.hpp"

namespace millrace::run::peer {

class Follower final : public OtherHosts {
 public:
  // `ranks` of all hosts. Both live longer than this does.
  Follower(Connection& connection, Door& door, std::size_t ranks);

  [[nodiscard]] bool leads() const override { return false; }
  void start(const LaunchOptions&) override {}
  void append_poll(std::vector<pollfd>& waiting) const override;
  News hear() override;
  void say_ready() override;
  [[nodiscard]] bool all_ready() const override { return begin_ns_.has_value(); }
  std::int64_t agree_on_begin() override { return begin_ns_.value_or(0); }
  void gather(std::vector<std::string> bytes) override;
  void arrive() override;
  void report(const Pace& pace) override;
  void report(const HostRates& rates) override;
  [[nodiscard]] const std::vector<std::vector<stats::Slice>>& recorded() const override { return none_; }
  void stop(const std::string& reason, std::uint64_t granted, const InstanceOutcome& outcome) override;
  [[nodiscard]] bool all_gone() const override { return true; }
  void give_up(const std::string&) override {}
  void finish(InstanceOutcome&) override {}
  // Why the host that asked stopped early; empty: it did not, or did not say.
  [[nodiscard]] const std::string& why_stopped() const { return why_stopped_; }

 private:
  void take(const Sealed& message, News& news);

  Connection& connection_;
  Door& door_;
  std::size_t ranks_;
  std::optional<std::int64_t> begin_ns_;
  std::optional<Pace> reported_;
  std::string why_stopped_;
  bool said_ready_ = false, told_to_stop_ = false, told_lost_ = false;
  std::vector<std::vector<stats::Slice>> none_;
};

// Answers a ping at once, whatever else goes on.
void answer_ping(Connection& connection, const std::string& body);

}  // namespace millrace::run::peer
