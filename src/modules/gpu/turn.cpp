// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/turn.hpp"

#include <algorithm>

#include "modules/gpu/race.hpp"

namespace millrace::gpu {
namespace {

constexpr std::size_t kLeastPieces = 3;
constexpr std::size_t kMostSamples = 2000;

}  // namespace

Result<std::vector<LaneResult>> take_turn(const sdk::Host& host, sdk::Recorder& recorder,
                                          std::span<Lane> lanes, const Kernels* kernels, Gate* gate,
                                          const TurnOptions& options) {
  std::vector<LaneResult> results(lanes.size());
  const std::int64_t begin_ns = host.now_ns();
  const auto over = [&] {
    if (options.is_only) return host.cancelled();
    const bool whole = std::all_of(results.begin(), results.end(), [](const LaneResult& result) {
      return result.rates.size() >= kLeastPieces;
    });
    return whole && (host.cancelled() || host.now_ns() - begin_ns > options.slot_ns);
  };
  Race race(host, lanes, kernels, gate, options.timeout_ns);
  const auto ran = race.run(over, [&](const Race::Piece& piece) {
    const double seconds = piece.done.seconds;
    recorder.done(host.now_ns(), piece.done.bytes, piece.done.times);
    recorder.latency(static_cast<std::uint64_t>(seconds / static_cast<double>(piece.done.times) * 1e9),
                     piece.done.times);
    LaneResult& result = results[piece.lane];
    result.seconds += seconds;
    result.bytes += piece.done.bytes;
    if (result.rates.size() < kMostSamples && seconds > 0)
      result.rates.push_back(static_cast<double>(piece.done.bytes) / seconds);
  });
  if (!ran) {
    for (Lane& lane : lanes) lane.abandon();
    return tl::unexpected(ran.error());
  }
  if (race.gate_gave_up()) host.raise_flag("gate-gave-up");
  return results;
}

void say_rates(const sdk::Host& host, const std::string& name, const LaneResult& result) {
  const std::string metric = name + "_bytes_per_s";
  for (const double rate : result.rates) host.sample(metric.c_str(), rate);
}

}  // namespace millrace::gpu
