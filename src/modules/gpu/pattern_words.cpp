// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/pattern_words.hpp"

#include <cstring>

namespace millrace::gpu {
namespace {

// The multiplier of Knuth's multiplicative hashing, 2^64 over the golden ratio.
std::uint64_t word_at(std::size_t offset, std::uint64_t seed) {
  return (seed + offset) * 0x9E3779B97F4A7C15u;
}

}  // namespace

void fill_words(std::byte* at, std::size_t size, std::uint64_t seed) {
  for (std::size_t offset = 0; offset + 8 <= size; offset += 8) {
    const std::uint64_t word = word_at(offset, seed);
    std::memcpy(at + offset, &word, 8);
  }
}

std::optional<std::size_t> first_wrong_word(const std::byte* at, std::size_t size, std::uint64_t seed) {
  for (std::size_t offset = 0; offset + 8 <= size; offset += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + offset, 8);
    if (word != word_at(offset, seed)) return offset;
  }
  return std::nullopt;
}

}  // namespace millrace::gpu
