// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_fabric.hpp"

namespace millrace::fabric {
namespace {

using testing::ElementsAre;

std::vector<double> capacities(const Resources& resources, Kind kind) {
  const auto all = resources.capacities(resources.rates());
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(resources.first(kind));
  return {begin, begin + static_cast<std::ptrdiff_t>(resources.bundles(kind))};
}

TEST(Resources, LinksThatCarryTheSameAreOneBundle) {
  const Fabric fabric = two_pods();
  const Resources resources(fabric);
  EXPECT_EQ(resources.bundles(Kind::kNicUp), 16U);
  EXPECT_THAT(capacities(resources, Kind::kLeafUp), ElementsAre(200, 200, 200, 200));  // 4 uplinks of 50
  EXPECT_THAT(capacities(resources, Kind::kSpineUp), ElementsAre(200, 200));  // 2 spines × 2 uplinks
  EXPECT_THAT(capacities(resources, Kind::kCore), ElementsAre(400));
  EXPECT_EQ(resources.bundles(Kind::kStorageRead), 0U);
}

// Even shares: one uplink at half its rate holds all four back to four times its own.
TEST(Resources, ABundleIsAsAbleAsItsLeastAbleLinkTimesTheirNumber) {
  Fabric fabric = two_pods();
  fabric.overrides = {{Kind::kLeafUp, 6, 6, 25.0, {}, "port 7 trained down"}};
  const Resources resources(fabric);
  EXPECT_THAT(capacities(resources, Kind::kLeafUp), ElementsAre(200, 100, 200, 200));
}

TEST(Resources, TheClassThatHoldsABundleBackIsKnown) {
  Fabric fabric = two_pods();
  fabric.overrides = {{Kind::kLeafUp, 6, 6, 25.0, {}, "port 7 trained down"}};
  const Resources resources(fabric);
  const auto held_by = [&](std::size_t leaf) {
    return resources.classes()[resources.class_of(resources.first(Kind::kLeafUp) + leaf, resources.rates())];
  };
  EXPECT_EQ(held_by(1).source, "port 7 trained down");
  EXPECT_FALSE(held_by(0).overridden);
  EXPECT_FALSE(held_by(2).overridden);
  EXPECT_EQ(resources.classes()[resources.class_of(resources.size() - 1, resources.rates())].kind,
            Kind::kDriveWrite);
}

TEST(Resources, WhatDiffersIsAClassOfItsOwnAndAlikeOnesAreOne) {
  Fabric fabric = two_pods();
  fabric.overrides = {{Kind::kNicUp, 3, 5, 25.0, {}, "x4"}, {Kind::kNicUp, 9, 9, 25.0, {}, "x4"}};
  const Resources resources(fabric);
  std::vector<std::pair<double, std::int64_t>> nics;
  for (const Class& one : resources.classes())
    if (one.kind == Kind::kNicUp) nics.emplace_back(one.rate(), one.members);
  EXPECT_THAT(nics, ElementsAre(std::pair(50.0, 12), std::pair(25.0, 4)));
  EXPECT_EQ(resources.runs(Kind::kNicUp).size(), 5U);
}

TEST(Resources, ALaterOverrideWinsAndTheLimitThatItLeavesOpenStays) {
  Fabric fabric = two_pods();
  fabric.overrides = {{Kind::kNicUp, 0, 7, 40.0, {}, "a"},
                      {Kind::kNicUp, 4, 4, {}, Measured{30, 29, 31}, "b"}};
  const Resources resources(fabric);
  const auto& run = resources.runs(Kind::kNicUp).at(1);
  EXPECT_EQ(run.first, 4);
  EXPECT_EQ(run.last, 4);
  const Class& one = resources.classes()[run.of];
  EXPECT_EQ(one.limit, 40.0);
  EXPECT_EQ(one.rate(), 30);
  EXPECT_EQ(one.source, "b");
  EXPECT_THAT(capacities(resources, Kind::kNicUp),
              ElementsAre(40, 40, 40, 40, 30, 40, 40, 40, 50, 50, 50, 50, 50, 50, 50, 50));
}

TEST(Resources, WhatWasMeasuredOfAllIsNotTrueOfOneThatDiffers) {
  Fabric fabric = two_pods();
  fabric.overrides = {{Kind::kNicUp, 0, 15, {}, Measured{46, 45, 47}, "a"},
                      {Kind::kNicUp, 4, 4, 25.0, {}, "cable"}};
  const Resources resources(fabric);
  EXPECT_DOUBLE_EQ(capacities(resources, Kind::kNicUp)[3], 46);
  EXPECT_DOUBLE_EQ(capacities(resources, Kind::kNicUp)[4], 25);
}

TEST(Resources, ALimitBelowWhatWasMeasuredIsDiscredited) {
  Fabric fabric = two_pods();
  fabric.overrides = {{Kind::kNicUp, 0, 7, {}, Measured{60, 58, 62}, "a"},
                      {Kind::kNicUp, 8, 8, {}, Measured{51, 48, 54}, "b"}};
  const Resources resources(fabric);
  const Class& above = resources.classes()[resources.runs(Kind::kNicUp).at(0).of];
  EXPECT_TRUE(above.discredited);
  EXPECT_FALSE(above.limit);
  EXPECT_EQ(above.rate(), 60);
  const Class& near = resources.classes()[resources.runs(Kind::kNicUp).at(1).of];
  EXPECT_FALSE(near.discredited);
  EXPECT_EQ(near.rate(), 50);  // its interval reaches below the limit, which holds
}

TEST(Resources, HostsOfAnotherKindHaveTheirOwnRates) {
  Fabric fabric = two_leaves();
  fabric.kinds = {{"new", 3, 100.0, 60.0, 50.0, {}, {}}, {"old", 1, 50.0, 30.0, 25.0, {}, {}}};
  EXPECT_THAT(capacities(Resources(fabric), Kind::kPcieIn), ElementsAre(60, 60, 60, 60, 60, 60, 30, 30));
}

}  // namespace
}  // namespace millrace::fabric
