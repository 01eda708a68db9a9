// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/pattern_words.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace millrace::gpu {
namespace {

TEST(PatternWords, FindTheFirstByteThatIsWrong) {
  std::vector<std::byte> data(4096);
  fill_words(data.data(), data.size(), 5);
  EXPECT_EQ(first_wrong_word(data.data(), data.size(), 5), std::nullopt);
  data[1003] ^= std::byte{1};
  EXPECT_EQ(first_wrong_word(data.data(), data.size(), 5), 1000U);
}

TEST(PatternWords, TellASourceFromAnotherAndAPartThatMoved) {
  std::vector<std::byte> data(4096);
  fill_words(data.data(), data.size(), 5);
  EXPECT_EQ(first_wrong_word(data.data(), data.size(), 6), 0U);
  std::memmove(data.data() + 512, data.data() + 520, 1024);
  EXPECT_EQ(first_wrong_word(data.data(), data.size(), 5), 512U);
}

}  // namespace
}  // namespace millrace::gpu
