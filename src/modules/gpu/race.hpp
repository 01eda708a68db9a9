// SPDX-License-Identifier: Apache-2.0
// Runs lanes at once: holds them all at a gate until each has work queued, lets them go at one moment, keeps
// them fed until it is told to stop, and hands over each piece of work as the device timed it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "millrace/probe.hpp"
#include "modules/gpu/gate.hpp"
#include "modules/gpu/kernels.hpp"
#include "modules/gpu/lane.hpp"

namespace millrace::gpu {

class Race {
 public:
  // `kernels` of the first lane's context, for the gate; null: no gate, the lanes begin as they are queued.
  Race(const sdk::Host& host, std::span<Lane> lanes, const Kernels* kernels, Gate* gate,
       std::int64_t timeout_ns);

  struct Piece {
    std::size_t lane = 0;
    Lane::Done done;
  };
  // Until `over` says so. Every lane is fed until then, so that what disturbs outlasts what it disturbs; what
  // was still queued is waited for, and not handed over. Error: the device's, or that nothing ended within
  // the time-out, with the lane's name.
  Result<void> run(const std::function<bool()>& over, const std::function<void(const Piece&)>& take);
  [[nodiscard]] bool gate_gave_up() const { return gate_ != nullptr && gate_->gave_up(); }

 private:
  Result<void> start();
  Result<bool> look(bool feed, const std::function<void(const Piece&)>& take);
  Result<void> drain();
  Error named(const Error& error, const Lane& lane) const;
  [[nodiscard]] Error stuck() const;

  const sdk::Host& host_;
  std::span<Lane> lanes_;
  const Kernels* kernels_;
  Gate* gate_;
  std::int64_t timeout_ns_;
  cuda::Event passed_;
  double piece_s_ = 0;  // of the shortest lane, as of the last look
};

}  // namespace millrace::gpu
