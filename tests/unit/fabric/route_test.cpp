// SPDX-License-Identifier: Apache-2.0
// Bytes on small fabrics as one counts them by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_fabric.hpp"

namespace millrace::fabric {
namespace {

using testing::Each;
using testing::ElementsAre;
using workload::Pattern;

TEST(Route, AGroupOnOneHostUsesNvlinkAlone) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kRing, 10, 2), {0, 8});
  EXPECT_THAT(loads.of(Kind::kNvlinkOut), Each(10));
  EXPECT_THAT(loads.of(Kind::kNvlinkIn), Each(10));
  EXPECT_THAT(loads.of(Kind::kNicUp), Each(0));
  EXPECT_THAT(loads.of(Kind::kLeafUp), Each(0));
}

// One rank a host in a ring 0 → 1 → 2 → 3 → 0: hosts 0, 1 are behind one leaf, 2, 3 behind the other.
TEST(Route, ARingAcrossLeavesGoesUpOnceOnEach) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kRing, 10, 4, 2), {0, 8});  // two such rings, a GPU of each host
  EXPECT_THAT(loads.of(Kind::kNicUp), Each(10));
  EXPECT_THAT(loads.of(Kind::kNicDown), Each(10));
  EXPECT_THAT(loads.of(Kind::kPcieOut), Each(10));
  EXPECT_THAT(loads.of(Kind::kNvlinkOut), Each(0));
  EXPECT_THAT(loads.of(Kind::kLeafUp), ElementsAre(20, 20));  // 1 → 2 and 3 → 0, of both rings
  EXPECT_THAT(loads.of(Kind::kLeafDown), ElementsAre(20, 20));
}

// With rails each of the two rings has its own leaves.
TEST(Route, RailsKeepRingsApart) {
  const Fabric fabric = two_leaves(2);
  const Loads loads(fabric, traffic(Pattern::kRing, 10, 4, 2), {0, 8});
  EXPECT_THAT(loads.of(Kind::kLeafUp), ElementsAre(10, 10, 10, 10));
}

// Eight ranks on four hosts: N = 8, k = 4, m = 2. By NVLink 7 · 8(2 − 1) ÷ (2 · 7) = 4, from host to host
// 7 · 8(4 − 1) ÷ (4 · 7) = 6: 3 by each of the two NICs. In terms of bus bandwidth: 7 · (k − 1) ÷ (N − 1)
// = 3.
TEST(Route, AHierarchicalRingSendsLessThanAFlatOne) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kRing, 7, 8), {0, 8});
  EXPECT_THAT(loads.of(Kind::kNvlinkOut), Each(4));
  EXPECT_THAT(loads.of(Kind::kNicUp), Each(3));
  EXPECT_THAT(loads.of(Kind::kNicDown), Each(3));
  EXPECT_THAT(loads.of(Kind::kLeafUp), ElementsAre(6, 6));
}

// Each of 8 ranks sends 1 to each other: 1 stays on the host, 2 behind the leaf, 4 go to the other leaf.
TEST(Route, AllToAllGoesWhereTheOthersAre) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kAllToAll, 7, 8), {0, 8});
  EXPECT_THAT(loads.of(Kind::kNvlinkOut), Each(1));
  EXPECT_THAT(loads.of(Kind::kNicUp), Each(6));
  EXPECT_THAT(loads.of(Kind::kLeafUp), ElementsAre(16, 16));
  EXPECT_THAT(loads.of(Kind::kLeafDown), ElementsAre(16, 16));
}

// On rails a message for the other place goes over by NVLink first: 1 on the host itself, 3 for other hosts.
TEST(Route, AllToAllOnRailsChangesPlacesByNvlink) {
  const Fabric fabric = two_leaves(2);
  const Loads loads(fabric, traffic(Pattern::kAllToAll, 7, 8), {0, 8});
  EXPECT_THAT(loads.of(Kind::kNvlinkOut), Each(4));
  EXPECT_THAT(loads.of(Kind::kNvlinkIn), Each(4));
  EXPECT_THAT(loads.of(Kind::kNicUp), Each(6));
  EXPECT_THAT(loads.of(Kind::kLeafUp), Each(8));
}

// A chain of four stages of two ranks: those in the middle talk both ways, the second and third across the
// leaves.
TEST(Route, StagesOfAChainExchangeWithTheirNeighbours) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kChain, 5, 4, 2), {0, 8});
  EXPECT_THAT(loads.of(Kind::kNicUp), ElementsAre(5, 5, 10, 10, 10, 10, 5, 5));
  EXPECT_THAT(loads.of(Kind::kNicDown), ElementsAre(5, 5, 10, 10, 10, 10, 5, 5));
  EXPECT_THAT(loads.of(Kind::kLeafUp), ElementsAre(10, 10));
  EXPECT_THAT(loads.of(Kind::kLeafDown), ElementsAre(10, 10));
}

// 16 ranks in two pods of 8, each sends 1 to each other: 8 to the other pod.
TEST(Route, BetweenPodsSpinesAndCoresCarryIt) {
  const Fabric fabric = two_pods();
  const Loads loads(fabric, traffic(Pattern::kAllToAll, 15, 16), {0, 16});
  EXPECT_THAT(loads.of(Kind::kSpineUp), ElementsAre(64, 64));
  EXPECT_THAT(loads.of(Kind::kSpineDown), ElementsAre(64, 64));
  EXPECT_THAT(loads.of(Kind::kCore), ElementsAre(128));
  EXPECT_THAT(loads.of(Kind::kLeafUp), Each(4 * 12));
}

TEST(Route, ReadingFromServersOnTheSpinesComesDownTheLeavesOfTheReaders) {
  Fabric fabric = two_leaves();
  fabric.storage = Storage{3, 100.0, 50.0, 2, 50.0, Tier::kSpine};
  const Loads loads(fabric, traffic(Pattern::kRead, 9), {0, 4});  // ranks on the first leaf alone
  EXPECT_THAT(loads.of(Kind::kNicDown), ElementsAre(9, 9, 9, 9, 0, 0, 0, 0));
  EXPECT_THAT(loads.of(Kind::kPcieIn), ElementsAre(9, 9, 9, 9, 0, 0, 0, 0));
  EXPECT_THAT(loads.of(Kind::kLeafDown), ElementsAre(36, 0));
  EXPECT_THAT(loads.of(Kind::kLeafUp), Each(0));
  EXPECT_THAT(loads.of(Kind::kStorageRead), ElementsAre(36));
  EXPECT_THAT(loads.of(Kind::kStorageOut), ElementsAre(36));
  EXPECT_THAT(loads.of(Kind::kStorageWrite), ElementsAre(0));
}

// Half of the servers are behind each leaf: half of what the first leaf's hosts read comes from its own.
TEST(Route, ServersBehindTheLeavesServeTheirNeighboursDirectly) {
  Fabric fabric = two_leaves();
  fabric.storage = Storage{2, 100.0, 50.0, 1, 50.0, Tier::kLeaf};
  const Loads reading(fabric, traffic(Pattern::kRead, 10), {0, 4});
  EXPECT_THAT(reading.of(Kind::kLeafDown), ElementsAre(20, 0));
  EXPECT_THAT(reading.of(Kind::kLeafUp), ElementsAre(0, 20));
  const Loads writing(fabric, traffic(Pattern::kWrite, 10), {0, 4});
  EXPECT_THAT(writing.of(Kind::kLeafUp), ElementsAre(20, 0));
  EXPECT_THAT(writing.of(Kind::kLeafDown), ElementsAre(0, 20));
  EXPECT_THAT(writing.of(Kind::kStorageWrite), ElementsAre(40));
}

// Two leaves of two hosts for storage alone, with two NICs a host; the GPUs' network is not touched.
TEST(Route, StorageWithANetworkOfItsOwnIsReachedByThatAlone) {
  Fabric fabric = two_leaves();
  fabric.storage = Storage{3, 100.0, 50.0, 2, 50.0, Tier::kSpine};
  fabric.storage->network = StorageNetwork{2, {2, 2, 50.0}, Spine{2, 1, 0, {}}, {}};
  const Loads reading(fabric, traffic(Pattern::kRead, 9), {0, 3});  // both GPUs of a host, one of the next
  EXPECT_THAT(reading.of(Kind::kPcieIn), ElementsAre(9, 9, 9, 0, 0, 0, 0, 0));
  EXPECT_THAT(reading.of(Kind::kStorageNicDown), ElementsAre(18, 9, 0, 0));  // host by host, over its NICs
  EXPECT_THAT(reading.of(Kind::kStorageLeafDown), ElementsAre(27, 0));
  EXPECT_THAT(reading.of(Kind::kStorageOut), ElementsAre(27));
  for (const Kind kind : {Kind::kNicDown, Kind::kNicUp, Kind::kLeafDown, Kind::kLeafUp, Kind::kStorageLeafUp})
    EXPECT_THAT(reading.of(kind), Each(0)) << to_text(kind);
  fabric.storage->attached_to = Tier::kLeaf;  // half of the servers are behind each leaf
  const Loads writing(fabric, traffic(Pattern::kWrite, 9), {0, 4});
  EXPECT_THAT(writing.of(Kind::kStorageNicUp), ElementsAre(18, 18, 0, 0));
  EXPECT_THAT(writing.of(Kind::kStorageLeafUp), ElementsAre(18, 0));
  EXPECT_THAT(writing.of(Kind::kStorageLeafDown), ElementsAre(0, 18));
  const Loads talking(fabric, traffic(Pattern::kRing, 10, 4, 2), {0, 8});
  EXPECT_THAT(talking.of(Kind::kNicUp), Each(10));
  EXPECT_THAT(talking.of(Kind::kStorageNicUp), Each(0));
}

TEST(Route, WithoutSharedStorageDataLieOnTheHostsOwnDrives) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kRead, 10), {0, 8});
  EXPECT_THAT(loads.of(Kind::kDriveRead), Each(20));
  EXPECT_THAT(loads.of(Kind::kPcieIn), Each(10));
  EXPECT_THAT(loads.of(Kind::kNicDown), Each(0));
}

TEST(Route, TwoNicsOfAGpuShareAndTwoGpusOfANicAddUp) {
  Fabric many = two_leaves();
  many.nics_per_host = 4;
  EXPECT_THAT(Loads(many, traffic(Pattern::kRing, 10, 4, 2), {0, 8}).of(Kind::kNicUp), Each(5));
  Fabric few = two_leaves();
  few.nics_per_host = 1;
  EXPECT_THAT(Loads(few, traffic(Pattern::kRing, 10, 4, 2), {0, 8}).of(Kind::kNicUp), Each(20));
}

TEST(Route, AJobUsesItsOwnHostsAlone) {
  const Fabric fabric = two_leaves();
  const Loads loads(fabric, traffic(Pattern::kRing, 10, 2, 2), {2, 4});
  EXPECT_THAT(loads.of(Kind::kNicUp), ElementsAre(0, 0, 0, 0, 10, 10, 10, 10));
}

}  // namespace
}  // namespace millrace::fabric
