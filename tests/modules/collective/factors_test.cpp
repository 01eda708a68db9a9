// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/factors.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace millrace::collective {
namespace {

// nccl-tests, doc/PERFORMANCE.md, as written there.
const std::map<Collective, std::function<double(double)>> kFormulas = {
    {Collective::kAllReduce, [](double n) { return 2 * (n - 1) / n; }},
    {Collective::kAllGather, [](double n) { return (n - 1) / n; }},
    {Collective::kReduceScatter, [](double n) { return (n - 1) / n; }},
    {Collective::kAllToAll, [](double n) { return (n - 1) / n; }},
    {Collective::kGather, [](double n) { return (n - 1) / n; }},
    {Collective::kScatter, [](double n) { return (n - 1) / n; }},
    {Collective::kBroadcast, [](double) { return 1.0; }},
    {Collective::kReduce, [](double) { return 1.0; }},
    {Collective::kSendReceive, [](double) { return 1.0; }},
};

TEST(BusFactor, IsTheFormulaOfEveryCollectiveForTwoTo4096Ranks) {
  ASSERT_EQ(kFormulas.size(), 9u);
  for (const auto& [collective, formula] : kFormulas)
    for (std::uint64_t n = 2; n <= 4096; ++n)
      ASSERT_DOUBLE_EQ(bus_factor(collective, n), formula(static_cast<double>(n)))
          << name_of(collective) << " of " << n;
}

TEST(BusFactor, OfEightRanksIsWhatIsWellKnown) {
  EXPECT_DOUBLE_EQ(bus_factor(Collective::kAllReduce, 8), 1.75);
  EXPECT_DOUBLE_EQ(bus_factor(Collective::kAllGather, 8), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(Collective::kAllReduce, 2), 1);
}

TEST(BusFactor, OfASingleRankIsZero) {
  for (const auto& entry : kFormulas) {
    EXPECT_EQ(bus_factor(entry.first, 1), 0);
    EXPECT_EQ(bus_factor(entry.first, 0), 0);
  }
}

TEST(WireFactor, IsThatOfTheAlgorithmWhereItIsKnown) {
  for (const auto& entry : kFormulas)
    EXPECT_EQ(wire_factor(entry.first, "ring", 8), bus_factor(entry.first, 8)) << name_of(entry.first);
  EXPECT_EQ(wire_factor(Collective::kAllReduce, "tree", 8), 2);
  // NVLink SHARP: a bus bandwidth of 480 GB/s is 308 GB/s on the wire, below the links' 450.
  EXPECT_DOUBLE_EQ(*wire_factor(Collective::kAllReduce, "nvls", 8) / bus_factor(Collective::kAllReduce, 8),
                   1.125 / 1.75);
  EXPECT_FALSE(wire_factor(Collective::kAllReduce, "", 8)) << "NCCL chose, and does not tell";
  EXPECT_FALSE(wire_factor(Collective::kBroadcast, "tree", 8));
  EXPECT_EQ(wire_factor(Collective::kAllToAll, "", 8), 0.875) << "straight to each, by any algorithm";
}

TEST(WireRateFloor, IsTheShareOfTheRingThatLeavesTheHosts) {
  EXPECT_DOUBLE_EQ(wire_rate_floor(63e9, 8, 64), 7e9);
  EXPECT_DOUBLE_EQ(wire_rate_floor(100e9, 4, 4), 100e9);  // one rank a host: all of it
  EXPECT_EQ(wire_rate_floor(100e9, 1, 8), 0);
}

}  // namespace
}  // namespace millrace::collective
