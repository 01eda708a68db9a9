// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/rounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::gpu {
namespace {

using testing::HasSubstr;

const std::vector<int> kEight{0, 1, 2, 3, 4, 5, 6, 7};

TEST(Rounds, EveryNameOfAPatternIsThatPattern) {
  std::string_view names = kPatternNames;
  for (int i = 0; i < 9; ++i) {
    const std::size_t end = names.find('|');
    EXPECT_EQ(pattern_named(names.substr(0, end)), static_cast<Pattern>(i));
    names = end == std::string_view::npos ? "" : names.substr(end + 1);
  }
  EXPECT_TRUE(names.empty());
}

TEST(Rounds, AFullMatrixHasEveryOrderedPair) {
  const auto rounds = rounds_of(Pattern::kPeerRead, kEight, kEight);
  ASSERT_TRUE(rounds);
  EXPECT_EQ(rounds->size(), 56U);
  EXPECT_EQ(rounds->front(), (Round{"gpu1_to_gpu0", {{1, 0, 0}}}));
}

TEST(Rounds, AReadIsDoneByWhoGetsTheBytesAndAWriteByWhoHasThem) {
  EXPECT_EQ(rounds_of(Pattern::kPeerRead, {0}, {1})->front().flows.front(), (Flow{1, 0, 0}));
  EXPECT_EQ(rounds_of(Pattern::kPeerWrite, {0}, {1})->front().flows.front(), (Flow{0, 1, 0}));
}

TEST(Rounds, BothWaysAtOnceComesOnceForEachPair) {
  EXPECT_EQ(rounds_of(Pattern::kBidirectional, kEight, kEight)->size(), 28U);
  EXPECT_EQ(rounds_of(Pattern::kBidirectional, {3}, {1})->front(),
            (Round{"gpu3_with_gpu1", {{3, 1, 3}, {1, 3, 1}}}));
  EXPECT_EQ(rounds_of(Pattern::kBidirectional, {3}, {})->front(),
            (Round{"host_with_gpu3", {{kHost, 3, 3}, {3, kHost, 3}}}));
}

TEST(Rounds, OneToAllLeavesOutTheOneAndHasARoundForEach) {
  const auto rounds = rounds_of(Pattern::kOneToAll, {2, 4}, kEight);
  ASSERT_EQ(rounds->size(), 2U);
  EXPECT_EQ(rounds->front().name, "gpu2_to_all");
  EXPECT_EQ(rounds->front().flows.size(), 7U);
  for (const Flow& flow : rounds->front().flows) EXPECT_TRUE(flow.from == 2 && flow.to != 2 && flow.by == 2);
  const auto gathered = rounds_of(Pattern::kAllToOne, {2}, kEight);
  for (const Flow& flow : gathered->front().flows) EXPECT_TRUE(flow.to == 2 && flow.by == flow.from);
}

TEST(Rounds, AllAtOnceIsOneRound) {
  const auto rounds = rounds_of(Pattern::kAllToHost, kEight, {});
  ASSERT_EQ(rounds->size(), 1U);
  EXPECT_EQ(rounds->front().flows.size(), 8U);
}

TEST(Rounds, AGpuIsNoPeerOfItselfAndAPairNeedsTwo) {
  EXPECT_THAT(rounds_of(Pattern::kPeerRead, {1}, {1}).error().what, HasSubstr("the same GPU"));
  EXPECT_THAT(rounds_of(Pattern::kAllToOne, {0}, {}).error().what,
              HasSubstr("all-to-one needs a second GPU"));
}

}  // namespace
}  // namespace millrace::gpu
