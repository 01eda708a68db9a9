// SPDX-License-Identifier: Apache-2.0
// One turn of lanes that run at once: until the measurement is over where it is the only one, else for its
// slot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/gpu/gate.hpp"
#include "modules/gpu/kernels.hpp"
#include "modules/gpu/lane.hpp"

namespace millrace::gpu {

struct TurnOptions {
  bool is_only = true;
  std::int64_t slot_ns = 0;     // of one of several
  std::int64_t timeout_ns = 0;  // without any progress
};

// What one lane came to, by the device's clock.
struct LaneResult {
  std::vector<double> rates;  // bytes per second of single pieces, the first 2,000
  double seconds = 0;
  std::uint64_t bytes = 0;
  [[nodiscard]] double mean_rate() const { return seconds > 0 ? static_cast<double>(bytes) / seconds : 0; }
};

// Records every piece (bytes, latency) and brings back the lanes' results in their order. One of several
// turns is never without a few pieces of each lane, however little time is left: a matrix is whole. The gate
// is of `kernels`' context, the first lane's; without kernels there is none. After an error the lanes are
// abandoned.
Result<std::vector<LaneResult>> take_turn(const sdk::Host& host, sdk::Recorder& recorder,
                                          std::span<Lane> lanes, const Kernels* kernels, Gate* gate,
                                          const TurnOptions& options);

// Samples NAME_bytes_per_s, one for each piece.
void say_rates(const sdk::Host& host, const std::string& name, const LaneResult& result);

}  // namespace millrace::gpu
