// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/rotation.hpp"

#include <gtest/gtest.h>

namespace millrace::collective {
namespace {

Request of(Collective collective, bool in_place, std::uint64_t size = 1 << 20, int ranks = 4) {
  Request request;
  request.collective = collective;
  request.type = ElementType::kFloat;
  if (reduces(collective)) request.operation = Operation::kSum;
  request.size = size;
  request.ranks = ranks;
  request.root = 1;
  request.in_place = in_place;
  return request;
}

constexpr std::size_t kMiB = 1 << 20;

TEST(RotationOf, ArraysFillTheRegion) {
  const Rotation rotation = rotation_of(of(Collective::kAllReduce, false), 0, 64 * kMiB);
  EXPECT_EQ(rotation.turns, 32u);  // an input and an output of a MiB each
  EXPECT_EQ(rotation.touched_bytes, 64 * kMiB);
  EXPECT_EQ(rotation.output_at, kMiB);
  EXPECT_EQ(rotation.turn_bytes, 2 * kMiB);
}

TEST(RotationOf, ARegionOfZeroIsOneArrayAgainAndAgain) {
  Request request = of(Collective::kAllReduce, true);
  request.region = 0;
  const Rotation rotation = rotation_of(request, 0, 64 * kMiB);
  EXPECT_EQ(rotation.turns, 1u);
  EXPECT_EQ(rotation.turn_bytes, kMiB);
}

// nccl.h: in place, "sendbuff == recvbuff + rank * sendcount" of all_gather, and the other way round of
// reduce_scatter.
TEST(RotationOf, InPlaceARanksShareLiesWhereItBelongs) {
  const Rotation gathered = rotation_of(of(Collective::kAllGather, true), 3, 0);
  EXPECT_EQ(gathered.input_at, 3 * kMiB / 4);
  EXPECT_EQ(gathered.output_at, 0u);
  const Rotation scattered = rotation_of(of(Collective::kReduceScatter, true), 3, 0);
  EXPECT_EQ(scattered.input_at, 0u);
  EXPECT_EQ(scattered.output_at, 3 * kMiB / 4);
  const Rotation in_front =
      rotation_of(of(Collective::kReduceScatter, true), 3, 0, {.result_in_front = true});
  EXPECT_EQ(in_front.output_at, 0u);
}

TEST(RotationOf, AllRanksTakeAsManyTurnsThoughARootHoldsMore) {
  for (const Collective collective :
       {Collective::kBroadcast, Collective::kReduce, Collective::kGather, Collective::kScatter})
    for (const bool in_place : {false, true}) {
      const std::size_t turns = rotation_of(of(collective, in_place), 1, 64 * kMiB).turns;
      EXPECT_GT(turns, 1u);
      EXPECT_EQ(rotation_of(of(collective, in_place), 0, 64 * kMiB).turns, turns) << name_of(collective);
    }
}

TEST(RotationOf, InputsAndOutputsLieWithinTheirTurn) {
  for (const Collective collective :
       {Collective::kAllReduce, Collective::kAllGather, Collective::kReduceScatter, Collective::kBroadcast,
        Collective::kReduce, Collective::kAllToAll, Collective::kGather, Collective::kScatter,
        Collective::kSendReceive})
    for (const bool in_place : {false, true})
      for (int rank = 0; rank < 4; ++rank) {
        const Request request = of(collective, in_place, 100'000);
        const Rotation rotation = rotation_of(request, rank, kMiB);
        EXPECT_LE(rotation.input_at + input_bytes(request, rank), rotation.turn_bytes) << name_of(collective);
        EXPECT_LE(rotation.output_at + output_bytes(request, rank), rotation.turn_bytes)
            << name_of(collective);
        if (!in_place) {
          EXPECT_GE(rotation.output_at, input_bytes(request, rank)) << name_of(collective);
        }
      }
}

}  // namespace
}  // namespace millrace::collective
