// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/chain.hpp"

#include <gtest/gtest.h>

#include <set>

namespace millrace::gpu {
namespace {

TEST(Chain, MeetsEveryEntryOnceBeforeAnyTwice) {
  for (const std::size_t entries : {1, 2, 3, 64, 1000}) {
    const auto next = random_cycle(entries, 7);
    std::set<std::uint32_t> met;
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < entries; ++i) {
      met.insert(at);
      at = next[at];
    }
    EXPECT_EQ(met.size(), entries);
    EXPECT_EQ(at, 0U);
  }
}

TEST(Chain, IsInAnOrderThatIsNotTheMemorys) {
  const auto next = random_cycle(1000, 7);
  std::size_t in_order = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) in_order += next[i] == i + 1 ? 1 : 0;
  EXPECT_LT(in_order, 20U);
}

TEST(Chain, LeadsWhereTheWalkSays) {
  const auto next = random_cycle(100, 3);
  std::vector<std::byte> memory(100 * kStride);
  const auto base = reinterpret_cast<std::uint64_t>(memory.data());
  write_chain(memory.data(), base, next);
  std::uint64_t at = base;
  for (int i = 0; i < 250; ++i) at = *reinterpret_cast<const std::uint64_t*>(at);
  EXPECT_EQ(walk(base, next, base, 250), at);
  EXPECT_EQ(walk(base, next, at, 50), base);
}

}  // namespace
}  // namespace millrace::gpu
