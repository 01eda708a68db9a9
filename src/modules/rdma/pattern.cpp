// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/pattern.hpp"

#include <algorithm>
#include <cstring>

namespace millrace::rdma {
namespace {

// The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

void fill_pattern(std::span<std::byte> bytes, std::uint64_t seed) {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = mix(seed ^ mix(at / 8));
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, bytes.size() - at));
  }
}

std::optional<std::size_t> first_wrong(std::span<const std::byte> bytes, std::uint64_t seed) {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = mix(seed ^ mix(at / 8));
    const std::size_t size = std::min<std::size_t>(8, bytes.size() - at);
    if (std::memcmp(bytes.data() + at, &word, size) == 0) continue;
    std::byte wanted[8];
    std::memcpy(wanted, &word, 8);
    for (std::size_t i = 0; i < size; ++i)
      if (bytes[at + i] != wanted[i]) return at + i;
  }
  return std::nullopt;
}

std::uint64_t seed_for(std::uint64_t seed, std::uint64_t link, std::uint64_t round,
                       std::uint64_t queue_pair) {
  return mix(mix(mix(seed + link) + round) + queue_pair);
}

}  // namespace millrace::rdma
