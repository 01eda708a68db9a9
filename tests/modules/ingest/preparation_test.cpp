// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/preparation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>
#include <zstd.h>

#include <cstring>
#include <vector>

#include "modules/ingest/normalize.hpp"

namespace millrace::ingest {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

TEST(Preparation, TheChecksumIsXxh64OfTheStoredBytes) {
  // The first from xxHash's own sanity checks: XXH64 of nothing, seed 0.
  Preparation preparation(Prep::kChecksum, 1);
  ASSERT_TRUE(preparation.prepare({}, {}, {}));
  EXPECT_EQ(preparation.last_checksum(), 0xEF46DB3751D8E999u);
  const auto stored = bytes_of("water to the mill");
  Record record{stored.size(), stored.size(), XXH64(stored.data(), stored.size(), 0), true};
  EXPECT_TRUE(preparation.prepare(stored, {}, record));
  record.xxh64 ^= 1;
  const auto wrong = preparation.prepare(stored, {}, record);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().what, HasSubstr("XXH64"));
}

TEST(Preparation, FurtherPassesDoNotChangeTheChecksum) {
  const auto stored = bytes_of("water to the mill");
  Preparation thrice(Prep::kChecksum, 3);
  ASSERT_TRUE(thrice.prepare(stored, {}, {}));
  EXPECT_EQ(thrice.last_checksum(), XXH64(stored.data(), stored.size(), 0));
}

TEST(Preparation, DecompressionYieldsTheOriginal) {
  std::string original;
  for (int i = 0; i < 5'000; ++i) original += "grain " + std::to_string(i * i);
  std::vector<std::byte> frame(ZSTD_compressBound(original.size())), to(original.size());
  frame.resize(ZSTD_compress(frame.data(), frame.size(), original.data(), original.size(), 3));
  const Record record{frame.size(), to.size(), 0, false};
  Preparation preparation(Prep::kDecompress, 2);
  ASSERT_TRUE(preparation.prepare(frame, to, record));
  EXPECT_EQ(std::memcmp(to.data(), original.data(), to.size()), 0);
  frame[frame.size() / 2] ^= std::byte{0xFF};
  frame.resize(frame.size() - 3);
  EXPECT_FALSE(preparation.prepare(frame, to, record));
}

TEST(Preparation, AFrameOfAnotherSizeThanAnnouncedIsAnError) {
  const std::string original(1000, 'g');
  std::vector<std::byte> frame(ZSTD_compressBound(original.size())), to(1001);
  frame.resize(ZSTD_compress(frame.data(), frame.size(), original.data(), original.size(), 3));
  Preparation preparation(Prep::kDecompress, 1);
  const auto result = preparation.prepare(frame, to, {frame.size(), to.size(), 0, false});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().what, HasSubstr("1000 bytes, not 1001"));
}

TEST(Normalize, SubtractsTheMeanAndDividesByTheDeviation) {
  std::vector<std::uint8_t> from(1003);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i * 7);
  std::vector<float> to(from.size() + 1, -99.0F);
  normalize(from.data(), to.data(), from.size());
  for (std::size_t i = 0; i < from.size(); ++i) ASSERT_NEAR(to[i], (from[i] - 114.495) / 57.63, 1e-5) << i;
  EXPECT_EQ(to.back(), -99.0F) << "nothing beyond the end";
  EXPECT_EQ(normalized_bytes(1003), 4012u);
}

}  // namespace
}  // namespace millrace::ingest
