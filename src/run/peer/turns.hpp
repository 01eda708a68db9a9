// SPDX-License-Identifier: Apache-2.0
// Several measurements that use one session with each peer, in turns: a peer holds the plan that it was asked
// for last, so that whoever's turn it is asks for its own again.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "run/launch.hpp"
#include "run/peer/hub.hpp"
#include "run/peer/plan.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

class Turns;

// The other hosts of one of these measurements.
class Turn final : public OtherHosts {
 public:
  Turn(Turns& turns, PlanWanted wanted) : turns_(turns), wanted_(std::move(wanted)) {}

  [[nodiscard]] bool leads() const override { return true; }
  void start(const LaunchOptions& options) override;
  void append_poll(std::vector<pollfd>& waiting) const override;
  News hear() override;
  void say_ready() override {}
  [[nodiscard]] bool all_ready() const override;
  std::int64_t agree_on_begin() override;
  void gather(std::vector<std::string> bytes) override;
  void arrive() override;
  void report(const Pace& pace) override;
  void report(const HostRates& rates) override;
  [[nodiscard]] const std::vector<std::vector<stats::Slice>>& recorded() const override;
  void stop(const std::string& reason, std::uint64_t granted, const InstanceOutcome& outcome) override;
  [[nodiscard]] bool all_gone() const override;
  void give_up(const std::string& reason) override;
  void finish(InstanceOutcome& outcome) override;

 private:
  friend class Turns;
  Turns& turns_;
  PlanWanted wanted_;
  int own_ranks_ = 0;
  std::vector<int> their_ranks_;      // as planned first: the same each time
  std::optional<Error> not_started_;  // why this launch never reached the peers; else nothing
  bool told_ = false;
};

class Turns {
 public:
  // The hub, which nobody else uses meanwhile, lives longer.
  explicit Turns(Hub& hub) : hub_(hub) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // As plan_with (plan.hpp); the plan holds on to this object.
  Result<InstancePlan> plan(const ProbeEntry& entry,
                            const std::vector<std::pair<std::string, std::string>>& given,
                            const topology::Machine& machine, Duration answer_time = kDescribeTime);
  [[nodiscard]] Hub& hub() { return hub_; }
  // To be called often while something else is measured: each second it tells the peers that this host is
  // there.
  void keep_alive() { hub_.keep_alive(); }

 private:
  friend class Turn;
  // The peers hold this turn's plan. Errors: a peer is lost, or plans it in another way than before.
  Result<void> take(Turn& turn);

  Hub& hub_;
  std::list<Turn> turns_;
  const Turn* held_ = nullptr;  // whose plan the peers hold
};

}  // namespace millrace::run::peer
