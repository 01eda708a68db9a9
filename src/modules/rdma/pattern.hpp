// SPDX-License-Identifier: Apache-2.0
// What is sent to be checked: bytes that depend on a seed and on their place, so that a message that is lost,
// doubled, shifted or put in another's place is seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace millrace::rdma {

// Byte i is byte i % 8 of a mix of the seed and i / 8.
void fill_pattern(std::span<std::byte> bytes, std::uint64_t seed);

// The place of the first byte that is not what fill_pattern would put there.
std::optional<std::size_t> first_wrong(std::span<const std::byte> bytes, std::uint64_t seed);

// One seed for each of many buffers.
std::uint64_t seed_for(std::uint64_t seed, std::uint64_t link, std::uint64_t round, std::uint64_t queue_pair);

}  // namespace millrace::rdma
