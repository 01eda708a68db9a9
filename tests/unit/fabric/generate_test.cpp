// SPDX-License-Identifier: Apache-2.0
#include "fabric/generate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fabric/describe.hpp"

namespace millrace::fabric {
namespace {

using testing::HasSubstr;

Fabric tree(std::int64_t hosts, std::int64_t rails = 1, double oversubscription = 1,
            std::int64_t radix = 64) {
  FatTree wish;
  wish.hosts = hosts;
  wish.rails = rails;
  wish.oversubscription = oversubscription;
  wish.radix = radix;
  return fat_tree(wish).value();
}

TEST(FatTree, EightHostsOfEightNicsFitOneSwitchOf64Ports) {
  const Fabric fabric = tree(8);
  EXPECT_EQ(fabric.levels(), 1);
  EXPECT_EQ(fabric.leaves(), 1);
  EXPECT_EQ(fabric.storage->attached_to, Tier::kLeaf);
}

// 64 leaves of 32 + 32 ports and 32 spines of 64: 2,048 NICs.
TEST(FatTree, TwoLevelsOf64PortsJoin256Hosts) {
  const Fabric fabric = tree(256);
  EXPECT_EQ(fabric.levels(), 2);
  EXPECT_EQ(fabric.leaf.hosts, 4);
  EXPECT_EQ(fabric.leaves(), 64);
  EXPECT_EQ(fabric.spine->switches, 32);
  EXPECT_DOUBLE_EQ(*bisection(fabric), 256 * 8 * 50e9 / 2);
  EXPECT_EQ(tree(257).levels(), 3);
}

// k³ ÷ 4 ends: 65,536 with 64 ports.
TEST(FatTree, ThreeLevelsOf64PortsJoin8192Hosts) {
  const Fabric fabric = tree(8192, 8);
  EXPECT_EQ(fabric.levels(), 3);
  EXPECT_EQ(fabric.leaf.hosts, 32);    // one NIC of each
  EXPECT_EQ(fabric.spine->groups, 4);  // of 8 leaves
  EXPECT_EQ(fabric.pods(), 64);
  EXPECT_EQ(fabric.core->switches, 1024);
  FatTree wish;
  wish.hosts = 8193;
  wish.radix = 64;
  const auto refused = fat_tree(wish);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, HasSubstr("do not join 8193 hosts"));
  EXPECT_THAT(refused.error().hint, HasSubstr("--radix"));
}

TEST(FatTree, WithoutAWishForPortsTheNextSizeIsTakenThatReaches) {
  EXPECT_THAT(tree(16384, 8, 1, 0).source, HasSubstr("switches of 128 ports"));
  EXPECT_THAT(tree(131072, 8, 1, 0).source, HasSubstr("switches of 256 ports"));
  EXPECT_EQ(tree(16384, 8, 1, 0).levels(), 3);
}

// 42 ports down and 21 up would be it; whole hosts of 8 NICs fill 40, which 20 uplinks carry.
TEST(FatTree, OversubscriptionHoldsForWhatTheLeafReallyTakes) {
  const Fabric fabric = tree(200, 1, 2);
  EXPECT_EQ(fabric.leaf.hosts, 5);
  EXPECT_EQ(fabric.leaf.uplinks, 20);
  EXPECT_NEAR(*bisection(fabric), 200 * 8 * 50e9 / 2 / 2, 1);
  EXPECT_THAT(describe(fabric), HasSubstr("oversubscription 2 : 1"));
}

TEST(FatTree, NoSwitchHasMoreLinksThanPorts) {
  for (const std::int64_t hosts : {9, 33, 100, 256, 257, 1000, 4096, 8192})
    for (const std::int64_t rails : {1, 2, 8})
      for (const double over : {1.0, 1.5, 2.0, 3.0}) {
        FatTree wish;
        wish.hosts = hosts;
        wish.rails = rails;
        wish.oversubscription = over;
        wish.radix = 64;
        const auto fabric = fat_tree(wish);
        if (!fabric) continue;  // it says so
        EXPECT_LE(fabric->leaf.hosts * 8 / rails + fabric->leaf.uplinks, 64)
            << hosts << " " << rails << " " << over;
        if (!fabric->spine) continue;
        const std::int64_t leaves = fabric->spine->groups * rails;
        EXPECT_EQ(fabric->leaf.uplinks % fabric->spine->switches, 0);
        EXPECT_LE(leaves * fabric->leaf.uplinks / fabric->spine->switches + fabric->spine->uplinks, 64);
        if (fabric->core) {
          EXPECT_LE(fabric->count(Kind::kSpineUp), fabric->core->switches * 64);
        }
      }
}

// reference.md, section 8: "better" is 40 / 20 GB/s for 32 nodes, 160 / 80 for 128.
TEST(FatTree, StorageFollowsTheGuidanceForSuperPods) {
  const Fabric fabric = tree(128);
  EXPECT_DOUBLE_EQ(*fabric.storage->read * static_cast<double>(fabric.storage->servers), 160e9);
  EXPECT_DOUBLE_EQ(*fabric.storage->write * static_cast<double>(fabric.storage->servers), 80e9);
  EXPECT_EQ(fabric.storage->attached_to, Tier::kSpine);
}

// 64 hosts of 2 storage NICs at 2 : 1 on switches of 64 ports: 42 ports down take 21 hosts, whose 42 NICs 21
// uplinks carry; 4 leaves of 21 under spines. The other network is as it is without.
TEST(FatTree, StorageMayHaveANetworkOfItsOwn) {
  FatTree wish;
  wish.hosts = 64;
  wish.rails = 8;
  const Fabric plain = fat_tree(wish).value();
  wish.storage_nics = 2;
  wish.storage_nic = 25e9;
  wish.storage_oversubscription = 2;
  const Fabric fabric = fat_tree(wish).value();
  const StorageNetwork* own = fabric.storage_network();
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(plain.storage_network(), nullptr);
  EXPECT_EQ(own->nics_per_host, 2);
  EXPECT_EQ(own->leaf.hosts, 21);
  EXPECT_EQ(own->leaf.uplinks, 21);
  EXPECT_EQ(own->leaves(64), 4);
  ASSERT_TRUE(own->spine);
  EXPECT_FALSE(own->core);
  EXPECT_EQ(fabric.storage->attached_to, Tier::kSpine);  // of its own network: the other has leaves alone
  EXPECT_EQ(fabric.levels(), 1);
  EXPECT_EQ(fabric.kinds.front().storage_nic, 25e9);
  EXPECT_EQ(fabric.storage->link, 25e9);
  EXPECT_EQ(fabric.storage->links, 2);  // 40 GB/s by links of 25
  EXPECT_EQ(fabric.count(Kind::kStorageNicUp), 128);
  EXPECT_EQ(fabric.count(Kind::kStorageLeafUp), 84);
  EXPECT_EQ(fabric.count(Kind::kLeafUp), plain.count(Kind::kLeafUp));
  EXPECT_THAT(describe(fabric), HasSubstr("2 storage NICs of 25 GB/s"));
  EXPECT_THAT(describe(fabric),
              HasSubstr("its own network of 2 levels: leaf 4 switches, 21 hosts behind each"));
  wish.hosts = 100'000;
  wish.radix = 8;
  EXPECT_THAT(fat_tree(wish).error().what, HasSubstr("do not join 100000 hosts"));
}

TEST(FatTree, RailsThatDoNotDivideTheNicsAreRefused) {
  FatTree wish;
  wish.rails = 3;
  EXPECT_THAT(fat_tree(wish).error().what, HasSubstr("--rails 3"));
}

}  // namespace
}  // namespace millrace::fabric
