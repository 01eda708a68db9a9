// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "modules/rdma/pattern.hpp"

namespace millrace::rdma {
namespace {

TEST(Patterns, every_single_wrong_byte_is_found_where_it_is) {
  std::vector<std::byte> bytes(37);
  fill_pattern(bytes, 5);
  EXPECT_FALSE(first_wrong(bytes, 5));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] ^= std::byte{1};
    EXPECT_EQ(first_wrong(bytes, 5), at);
    bytes[at] ^= std::byte{1};
  }
}

TEST(Patterns, a_message_in_anothers_place_is_wrong) {
  std::vector<std::byte> bytes(64);
  fill_pattern(bytes, seed_for(1, 0, 0, 0));
  EXPECT_TRUE(first_wrong(bytes, seed_for(1, 0, 0, 1)));
  EXPECT_TRUE(first_wrong(bytes, seed_for(1, 0, 1, 0)));
  EXPECT_TRUE(first_wrong(bytes, seed_for(1, 1, 0, 0)));
  EXPECT_TRUE(first_wrong(bytes, seed_for(2, 0, 0, 0)));
}

TEST(Patterns, bytes_that_are_shifted_are_wrong) {
  std::vector<std::byte> bytes(128);
  fill_pattern(bytes, 9);
  EXPECT_TRUE(first_wrong(std::span(bytes).subspan(8, 64), 9));
}

TEST(Patterns, a_buffer_that_was_never_written_is_wrong) {
  EXPECT_TRUE(first_wrong(std::vector<std::byte>(8), 1));
}

TEST(Patterns, buffers_have_seeds_of_their_own) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t link = 0; link < 8; ++link)
    for (std::uint64_t round = 0; round < 4; ++round)
      for (std::uint64_t pair = 0; pair < 64; ++pair) seeds.insert(seed_for(1, link, round, pair));
  EXPECT_EQ(seeds.size(), 8U * 4 * 64);
}

}  // namespace
}  // namespace millrace::rdma
