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
using collective::Rotation;

constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kMostTurns = 4096;
constexpr std::size_t kMostScatters = 64;  // Gloo registers buffers of its own for each

std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

bool keeps_arrays(const Settings& s) { return s.collective == Collective::kReduceScatter; }

// Arrays of Gloo's own, for one turn.
std::size_t kept_bytes(const Settings& s) { return keeps_arrays(s) ? 2 * s.bytes() : 0; }

}  // namespace

Rotation plan_arrays(const Settings& s, int rank) {
  return collective::rotation_of(s, rank, default_region(),
                                 {.kept_bytes = kept_bytes(s),
                                  .most_turns = keeps_arrays(s) ? kMostScatters : kMostTurns,
                                  .result_in_front = true});
}

std::uint64_t memory_of(const Settings& s) {
  std::uint64_t most = 0;
  for (const int rank : {0, s.root}) {
    const Rotation plan = plan_arrays(s, rank);
    most = std::max<std::uint64_t>(most, plan.turns * (plan.turn_bytes + kept_bytes(s)));
  }
  return most + (32ULL << 20);
}

Result<Arrays> Arrays::allocate(const Settings& s, int rank) {
  const Rotation plan = plan_arrays(s, rank);
  const std::size_t size = round_up(plan.turns * plan.turn_bytes, kHuge);
  Arrays arrays;
  arrays.memory_.reset(std::aligned_alloc(kHuge, size));
  if (arrays.memory_ == nullptr)
    return failure(fmt::format("cannot allocate {} for the arrays", to_binary({size})),
                   "give a smaller --size or --region, or free memory");
  madvise(arrays.memory_.get(), size, MADV_HUGEPAGE);  // a wish: small pages serve as well, slower
  std::memset(arrays.memory_.get(), 0, size);
  auto* at = static_cast<std::byte*>(arrays.memory_.get());
  const std::size_t input = collective::input_bytes(s, rank);
  const std::size_t output = collective::output_bytes(s, rank);
  for (std::size_t i = 0; i < plan.turns; ++i, at += plan.turn_bytes)
    arrays.turns_.push_back({{at + plan.input_at, input}, {at + plan.output_at, output}});
  return arrays;
}

}  // namespace millrace::gloo
