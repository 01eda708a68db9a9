// SPDX-License-Identifier: Apache-2.0
// Inputs whose result is known exactly: whole numbers small enough that every partial result, in any order
// and in every type, is a whole number of magnitude below 127. So outputs are compared bit by bit, never with
// an epsilon. An element's value depends on its index modulo a prime, and on the rank, so that what arrived
// shifted, swapped, from another rank, or twice, differs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "modules/collective/elements.hpp"

namespace millrace::collective {

inline constexpr std::uint64_t kPeriod = 16381;  // of the index; prime
inline constexpr std::byte kPoison{0x7f};        // no element of a pattern is made of this byte

// The number that rank `rank` of `ranks` puts in at `index`, if the result is to be exact under `operation`;
// without one (nothing is computed) it tells ranks apart best. For an average, inputs differ by rank where
// two ranks cancel out; it is exact if the sum is divided, and if inputs are, when `ranks` is a power of two.
// Sums hold for any number of ranks: at each index 32 of them at most are not zero; averages for up to 60.
int input_value(std::optional<Operation> operation, int rank, int ranks, std::uint64_t index);
int result_value(Operation operation, int ranks, std::uint64_t index);

// One period of elements, from index 0 on.
using Period = std::vector<std::byte>;
Period input_period(ElementType type, std::optional<Operation> operation, int rank, int ranks);
Period result_period(ElementType type, Operation operation, int ranks);

// Fills `to` with elements from index `first` on. `to.size()` is a multiple of `element` bytes.
void fill(std::span<std::byte> to, const Period& period, std::size_t element, std::uint64_t first);
// The first element of `at` that is not as fill would have written it.
std::optional<std::uint64_t> first_wrong(std::span<const std::byte> at, const Period& period,
                                         std::size_t element, std::uint64_t first);

}  // namespace millrace::collective
