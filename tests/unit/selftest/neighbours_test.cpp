// SPDX-License-Identifier: Apache-2.0
#include "selftest/neighbours.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace millrace::selftest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string one_node(int) { return "node0"; }
std::string own_core(int cpu) { return std::to_string(cpu); }

TEST(SelftestHalves, ShareNoCore) {
  // CPUs 0 to 3 are the first threads of four cores, 4 to 7 the second ones.
  const CoreHalves halves = halves_of(
      {0, 1, 2, 3, 4, 5, 6, 7}, [](int cpu) { return std::to_string(cpu % 4); }, one_node);
  EXPECT_THAT(halves.ours, ElementsAre(0, 4, 1, 5));
  EXPECT_THAT(halves.neighbours, ElementsAre(2, 6, 3, 7));
}

TEST(SelftestHalves, AreOfOneNodeSinceOthersHaveMemoryOfTheirOwn) {
  const CoreHalves halves =
      halves_of({2, 3, 4, 5, 6}, own_core, [](int cpu) { return cpu < 5 ? "node0" : "node1"; });
  EXPECT_THAT(halves.ours, ElementsAre(2, 3));
  EXPECT_THAT(halves.neighbours, ElementsAre(4));
}

TEST(SelftestHalves, OfOneCoreLeaveNoNeighbour) {
  EXPECT_THAT(halves_of(
                  {0, 1}, [](int) { return "0-1"; }, one_node)
                  .neighbours,
              IsEmpty());
  EXPECT_THAT(halves_of({}, own_core, one_node).ours, IsEmpty());
}

TEST(SelftestHalves, OfThisMachineAreDifferentCpus) {
  const CoreHalves halves = halves_of_this_machine();
  EXPECT_FALSE(halves.ours.empty());
  for (const int cpu : halves.neighbours) EXPECT_THAT(halves.ours, ::testing::Not(::testing::Contains(cpu)));
}

TEST(SelftestNeighbours, CopyUntilTheyAreGone) {
  const Neighbours neighbours({halves_of_this_machine().ours.front()});
  const std::uint64_t before = neighbours.copied_bytes();
  for (int look = 0; look < 2000 && neighbours.copied_bytes() == before; ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GT(neighbours.copied_bytes(), before);
}

}  // namespace
}  // namespace millrace::selftest
