// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/chain.hpp"

#include <cstring>
#include <numeric>
#include <random>
#include <utility>

namespace millrace::gpu {

std::vector<std::uint32_t> random_cycle(std::size_t entries, std::uint64_t seed) {
  std::vector<std::uint32_t> next(entries);
  std::iota(next.begin(), next.end(), 0U);
  std::mt19937_64 random(seed);
  for (std::size_t i = entries; i-- > 1;) std::swap(next[i], next[random() % i]);
  return next;
}

void write_chain(std::byte* at, std::uint64_t base, const std::vector<std::uint32_t>& next) {
  for (std::size_t i = 0; i < next.size(); ++i) {
    const std::uint64_t address = base + next[i] * kStride;
    std::memcpy(at + i * kStride, &address, sizeof address);
  }
}

std::uint64_t walk(std::uint64_t base, const std::vector<std::uint32_t>& next, std::uint64_t from,
                   std::uint64_t steps) {
  auto at = static_cast<std::uint32_t>((from - base) / kStride);
  for (std::uint64_t i = 0; i < steps; ++i) at = next[at];
  return base + at * kStride;
}

}  // namespace millrace::gpu
