// SPDX-License-Identifier: Apache-2.0
#include "modules/host/stream_copy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace millrace::host {
namespace {

std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937_64 engine(7);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(engine());
  return bytes;
}

TEST(StreamCopy, EveryVariantCopiesEverySizeAndAlignmentAndNothingBeyond) {
  constexpr std::size_t kRoom = 8192;
  constexpr auto kGuard = std::byte{0xA5};
  const std::vector<std::byte> from = random_bytes(kRoom);
  const StreamCopies variants = stream_copies();
  ASSERT_GE(variants.count, 1u);
  for (std::size_t v = 0; v < variants.count; ++v)
    for (const std::size_t size : {0U, 1U, 63U, 64U, 255U, 256U, 257U, 319U, 1000U, 4096U, 5001U})
      for (const std::size_t to_offset : {0U, 1U, 17U, 63U})
        for (const std::size_t from_offset : {0U, 3U, 64U}) {
          std::vector<std::byte> to(kRoom, kGuard);
          variants.begin[v].copy(to.data() + to_offset, from.data() + from_offset, size);
          const auto begin = to.begin() + static_cast<std::ptrdiff_t>(to_offset);
          const auto end = begin + static_cast<std::ptrdiff_t>(size);
          const auto guarded = [](std::byte b) { return b == kGuard; };
          ASSERT_TRUE(std::equal(begin, end, from.begin() + static_cast<std::ptrdiff_t>(from_offset)))
              << variants.begin[v].name << " size " << size << " to +" << to_offset << " from +"
              << from_offset;
          ASSERT_TRUE(std::all_of(to.begin(), begin, guarded) && std::all_of(end, to.end(), guarded))
              << variants.begin[v].name << " wrote outside: size " << size;
        }
}

}  // namespace
}  // namespace millrace::host
