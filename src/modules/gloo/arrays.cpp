// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/arrays.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "units/quantity.hpp"

namespace millrace::gloo {
namespace {

using collective::Collective;
using collective::Layout;

constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kPage = 4096;  // arrays begin on pages of their own, as buffers of applications do
constexpr std::size_t kMostTurns = 4096;
constexpr std::size_t kMostScatters = 64;  // Gloo registers buffers of its own for each

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

bool keeps_arrays(const Settings& s) { return s.collective == Collective::kReduceScatter; }

std::size_t input_bytes(const Settings& s, const Layout& layout) { return layout.input * s.element(); }
// In place, the output's memory must hold the input too.
std::size_t output_bytes(const Settings& s, const Layout& layout) {
  return (s.in_place ? std::max(layout.input, layout.output) : layout.output) * s.element();
}

// Arrays of Gloo's own, for one turn.
std::size_t kept_bytes(const Settings& s) { return keeps_arrays(s) ? 2 * s.bytes() : 0; }

}  // namespace

ArraysPlan plan_arrays(const Settings& s, int rank) {
  const Layout layout = s.layout(rank);
  const std::size_t output_at = s.in_place ? 0 : round_up(input_bytes(s, layout), kPage);
  const std::size_t used = (s.in_place ? 0 : input_bytes(s, layout)) + output_bytes(s, layout);
  // All ranks rotate alike, though a broadcast's root has more to hold than the others.
  const std::size_t least = s.collective == Collective::kBroadcast ? s.bytes() : used + kept_bytes(s);
  const std::size_t most = keeps_arrays(s) ? kMostScatters : kMostTurns;
  const std::size_t turns =
      std::clamp<std::size_t>((s.region + least - 1) / std::max<std::size_t>(least, 1), 1, most);
  return {turns, output_at, output_at + round_up(output_bytes(s, layout), kPage), turns * least};
}

std::uint64_t memory_of(const Settings& s) {
  std::uint64_t most = 0;
  for (const int rank : {0, s.root}) {
    const ArraysPlan plan = plan_arrays(s, rank);
    most = std::max<std::uint64_t>(most, plan.turns * (plan.turn_bytes + kept_bytes(s)));
  }
  return most + (32ULL << 20);
}

Result<Arrays> Arrays::allocate(const Settings& s, int rank) {
  const ArraysPlan plan = plan_arrays(s, rank);
  const Layout layout = s.layout(rank);
  const std::size_t size = round_up(plan.turns * plan.turn_bytes, kHuge);
  Arrays arrays;
  arrays.memory_.reset(std::aligned_alloc(kHuge, size));
  if (arrays.memory_ == nullptr)
    return failure(fmt::format("cannot allocate {} for the arrays", to_binary({size})),
                   "give a smaller --size or --region, or free memory");
  madvise(arrays.memory_.get(), size, MADV_HUGEPAGE);  // a wish: small pages serve as well, slower
  std::memset(arrays.memory_.get(), 0, size);
  auto* at = static_cast<std::byte*>(arrays.memory_.get());
  const std::size_t own = s.collective == Collective::kAllGather && s.in_place
                              ? static_cast<std::size_t>(rank) * input_bytes(s, layout)
                              : 0;  // in place, a rank's part of what is gathered lies where it belongs
  for (std::size_t i = 0; i < plan.turns; ++i, at += plan.turn_bytes)
    arrays.turns_.push_back(
        {{at + own, input_bytes(s, layout)}, {at + plan.output_at, layout.output * s.element()}});
  return arrays;
}

}  // namespace millrace::gloo
