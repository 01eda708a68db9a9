// SPDX-License-Identifier: Apache-2.0
// The list that a pointer chase walks: each entry holds the address of the next, in an order that no
// prefetcher guesses, and every entry is met before any is met again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::gpu {

inline constexpr std::size_t kStride = 128;  // a cache line of the GPU's second level: one entry in each

// Sattolo's algorithm: a random permutation that is one cycle. next[i] follows i; of at least 1 entry.
std::vector<std::uint32_t> random_cycle(std::size_t entries, std::uint64_t seed);

// Writes the list into `at`, which is to lie at `base` as those who walk it see it.
void write_chain(std::byte* at, std::uint64_t base, const std::vector<std::uint32_t>& next);

// The address after so many steps from the one given.
std::uint64_t walk(std::uint64_t base, const std::vector<std::uint32_t>& next, std::uint64_t from,
                   std::uint64_t steps);

}  // namespace millrace::gpu
