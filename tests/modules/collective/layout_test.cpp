// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/layout.hpp"

#include <gtest/gtest.h>

namespace millrace::collective {
namespace {

TEST(LayoutOf, WhatIsDealtOutIsCutToAsMuchForEachRank) {
  const Layout gathered = layout_of(Collective::kAllGather, 100, 1, 3, 0);
  EXPECT_EQ(gathered.total, 99u);
  EXPECT_EQ(gathered.input, 33u);
  EXPECT_EQ(gathered.output, 99u);
  const Layout scattered = layout_of(Collective::kReduceScatter, 100, 1, 3, 0);
  EXPECT_EQ(scattered.input, 99u);
  EXPECT_EQ(scattered.output, 33u);
  EXPECT_EQ(layout_of(Collective::kAllReduce, 100, 1, 3, 0).output, 100u);
}

TEST(LayoutOf, OnlyTheRootPutsIntoABroadcast) {
  EXPECT_EQ(layout_of(Collective::kBroadcast, 8, 2, 3, 2).input, 8u);
  EXPECT_EQ(layout_of(Collective::kBroadcast, 8, 1, 3, 2).input, 0u);
  EXPECT_EQ(layout_of(Collective::kBroadcast, 8, 1, 3, 2).output, 8u);
}

TEST(LayoutOf, FewerElementsThanRanksAreNone) {
  EXPECT_EQ(layout_of(Collective::kAllToAll, 2, 0, 3, 0).total, 0u);
}

TEST(PiecesOf, AllToAllTransposesTheBlocks) {
  const Layout layout = layout_of(Collective::kAllToAll, 6, 1, 3, 0);
  const std::vector<Piece> expected = {{0, 2, 0, 2}, {2, 2, 1, 2}, {4, 2, 2, 2}};
  EXPECT_EQ(pieces_of(Collective::kAllToAll, layout, 1, 3, 0), expected);
}

TEST(PiecesOf, AReduceScatterLeavesEachRankItsBlockOfTheResult) {
  const Layout layout = layout_of(Collective::kReduceScatter, 6, 2, 3, 0);
  const std::vector<Piece> expected = {{0, 2, kReduced, 4}};
  EXPECT_EQ(pieces_of(Collective::kReduceScatter, layout, 2, 3, 0), expected);
}

TEST(PiecesOf, EveryOutputIsCoveredOnceAndInOrder) {
  for (const Collective collective :
       {Collective::kAllReduce, Collective::kAllGather, Collective::kReduceScatter, Collective::kBroadcast,
        Collective::kReduce, Collective::kAllToAll, Collective::kGather, Collective::kScatter,
        Collective::kSendReceive})
    for (int rank = 0; rank < 5; ++rank) {
      const Layout layout = layout_of(collective, 103, rank, 5, 3);
      std::uint64_t at = 0;
      for (const Piece& piece : pieces_of(collective, layout, rank, 5, 3)) {
        EXPECT_EQ(piece.at, at) << name_of(collective);
        at += piece.count;
      }
      EXPECT_EQ(at, layout.output) << name_of(collective);
    }
}

}  // namespace
}  // namespace millrace::collective
