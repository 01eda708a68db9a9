// SPDX-License-Identifier: Apache-2.0
// Fast random numbers for offsets, arrivals and file contents. Not for secrets.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace millrace::storage {

// SplitMix64's finaliser (Steele, Lea and Flood 2014; constants of D. Stafford's variant 13): a bijection of
// 64 bits, so that consecutive inputs give well-mixed, distinct outputs.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// xoshiro256++ (Blackman and Vigna 2018), about a nanosecond a number.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = mix64(seed += 0x9e3779b97f4a7c15U);
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // 0 … count - 1, by multiply and shift (Lemire 2019). The bias is below count / 2^64: no rejection needed
  // here.
  std::uint64_t below(std::uint64_t count) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * count) >> 64);
  }

  // Exponentially distributed with mean 1: -ln(U), U in (0, 1].
  double exponential() { return -std::log(static_cast<double>((next() >> 11) + 1) * 0x1p-53); }

 private:
  std::uint64_t state_[4];
};

}  // namespace millrace::storage
