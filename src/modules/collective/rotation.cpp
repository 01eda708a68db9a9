// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/rotation.hpp"

#include <algorithm>

namespace millrace::collective {
namespace {

constexpr std::size_t kPage = 4096;  // arrays begin on pages of their own, as buffers of applications do

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

// In place, which of the two is a share of the other, and so lies inside of it.
void overlap(const Request& r, int rank, const Habits& habits, Rotation& rotation) {
  const std::size_t input = input_bytes(r, rank);
  const std::size_t output = output_bytes(r, rank);
  const auto own = static_cast<std::size_t>(rank);
  if (output > input && input > 0) rotation.input_at = own * input;
  if (input > output && output > 0 && !habits.result_in_front) rotation.output_at = own * output;
}

}  // namespace

std::size_t input_bytes(const Request& r, int rank) { return r.layout(rank).input * r.element(); }
std::size_t output_bytes(const Request& r, int rank) { return r.layout(rank).output * r.element(); }

Rotation rotation_of(const Request& r, int rank, std::uint64_t region, const Habits& habits) {
  const std::size_t input = input_bytes(r, rank);
  const std::size_t output = output_bytes(r, rank);
  Rotation rotation;
  if (r.in_place)
    overlap(r, rank, habits, rotation);
  else
    rotation.output_at = round_up(input, kPage);
  const std::size_t used = r.in_place ? std::max(input, output) : input + output;
  // All ranks rotate alike, though a root has more to hold than the others.
  const bool rooted = r.collective == Collective::kBroadcast || r.collective == Collective::kReduce ||
                      r.collective == Collective::kGather || r.collective == Collective::kScatter;
  const std::size_t share =
      deals_out(r.collective) ? r.bytes() / static_cast<std::size_t>(r.ranks) : r.bytes();
  const std::size_t least = rooted ? share : used + habits.kept_bytes;
  const std::uint64_t wanted = r.region.value_or(region);
  rotation.turns =
      std::clamp<std::size_t>((wanted + least - 1) / std::max<std::size_t>(least, 1), 1, habits.most_turns);
  rotation.turn_bytes =
      r.in_place ? round_up(std::max(input, output), kPage) : rotation.output_at + round_up(output, kPage);
  rotation.touched_bytes = rotation.turns * least;
  return rotation;
}

}  // namespace millrace::collective
