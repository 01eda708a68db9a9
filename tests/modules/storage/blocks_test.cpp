// SPDX-License-Identifier: Apache-2.0
// The orders in which blocks are visited, and the times at which operations arrive.
#include "modules/storage/blocks.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "modules/storage/open_loop.hpp"
#include "modules/storage/pages.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint32_t kBlock = 4096;

Options options_for(Pattern pattern, std::uint32_t threads = 1) {
  Options options;
  options.pattern = pattern;
  options.block_size = kBlock;
  options.threads = threads;
  return options;
}

std::vector<Target> targets_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<Target> targets;
  for (const std::uint64_t size : sizes) {
    targets.emplace_back();
    targets.back().bytes = size;
  }
  return targets;
}

// How often each block of each target is visited, until no slot has more to do.
using Visits = std::map<std::pair<std::uint32_t, std::uint64_t>, int>;
template <typename Blocks>
void visit_all(Blocks& blocks, std::uint32_t slots, Visits& visits) {
  Block block;
  for (bool any = true; any;) {
    any = false;
    for (std::uint32_t slot = 0; slot < slots; ++slot)
      if (blocks.next(slot, block)) {
        any = true;
        ++visits[{block.target, block.offset}];
      }
  }
}

TEST(SequentialBlocks, CoverEveryBlockOfEveryTargetOncePerPassOverAllThreads) {
  const std::vector<Target> targets = targets_of({kBlock * 1000, kBlock * 37, kBlock * 5 + 100});
  for (const std::uint32_t slots : {1U, 2U, 3U, 32U}) {
    Visits visits;
    for (std::uint32_t thread = 0; thread < 3; ++thread) {
      SequentialBlocks blocks(share_of(thread, targets, options_for(Pattern::kSequential, 3)), kBlock, slots,
                              2, 1);
      visit_all(blocks, slots, visits);
    }
    EXPECT_EQ(visits.size(), 1000 + 37 + 6);
    for (const auto& [where, count] : visits) EXPECT_EQ(count, 2) << where.first << " at " << where.second;
  }
}

TEST(SequentialBlocks, AskForTheShortTailOfAFileRoundedUpAndOfADeviceExactly) {
  std::vector<Target> targets = targets_of({131072 + 700});
  Options options = options_for(Pattern::kSequential);
  options.block_size = 131072;
  for (const bool device : {false, true}) {
    targets[0].device = device;
    SequentialBlocks blocks(share_of(0, targets, options), options.block_size, 1, 1, 1);
    Block block;
    ASSERT_TRUE(blocks.next(0, block));
    EXPECT_EQ(block.expected, 131072U);
    ASSERT_TRUE(blocks.next(0, block));
    EXPECT_EQ(block.offset, 131072U);
    EXPECT_EQ(block.expected, 700U);
    EXPECT_EQ(block.request, device ? 700U : 4096U);
    EXPECT_FALSE(blocks.next(0, block));
  }
}

TEST(SequentialBlocks, KeepEachSlotWithOneTargetSoThatASlowDriveDoesNotTakeTheWholeDepth) {
  const std::vector<Target> targets = targets_of({kBlock * 10, kBlock * 10});
  SequentialBlocks blocks(share_of(0, targets, options_for(Pattern::kSequential)), kBlock, 4, 0, 1);
  Block block;
  for (int turn = 0; turn < 50; ++turn)
    for (const std::uint32_t slot : {0U, 1U, 2U, 3U}) {
      ASSERT_TRUE(blocks.next(slot, block));
      EXPECT_EQ(block.target, slot % 2);
    }
}

TEST(Writing, LeavesOutAShortLastBlock) {
  const std::vector<Target> targets = targets_of({kBlock * 3 + 512});
  Options options = options_for(Pattern::kSequential);
  options.direction = Direction::kWrite;
  const std::vector<Extent> extents = share_of(0, targets, options);
  ASSERT_EQ(extents.size(), 1U);
  EXPECT_EQ(extents[0].count, 3U);
}

TEST(RandomBlocks, AreUniformOverTheTargetByChiSquare) {
  constexpr std::uint64_t kBlocks = 256, kDraws = 256 * 400;
  const std::vector<Target> targets = targets_of({kBlock * kBlocks});
  RandomBlocks blocks(share_of(0, targets, options_for(Pattern::kRandom)), kBlock, 1, 0, 1, 12345);
  std::vector<double> counts(kBlocks);
  Block block;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    ASSERT_TRUE(blocks.next(0, block));
    ASSERT_EQ(block.offset % kBlock, 0U);
    ++counts.at(block.offset / kBlock);
  }
  double chi_square = 0;
  const double expected = static_cast<double>(kDraws) / kBlocks;
  for (const double count : counts) chi_square += (count - expected) * (count - expected) / expected;
  // 255 degrees of freedom: 99.9 % of uniform sequences are below 330.5, and 99.9 % above 190.
  EXPECT_LT(chi_square, 330.5);
  EXPECT_GT(chi_square, 190.0);
}

TEST(WholeFiles, AreReadOneAfterAnotherToTheirExactEndAndDividedAmongThreads) {
  const std::vector<Target> targets = targets_of({1, kBlock, 2 * kBlock + 5, 10 * kBlock});
  std::map<std::uint32_t, std::uint64_t> bytes;
  for (std::uint32_t thread = 0; thread < 2; ++thread) {
    WholeFiles blocks(files_of(thread, targets, 2), kBlock, 3);
    Block block;
    std::uint32_t last_target = 0;
    std::uint64_t next_offset = 0;
    while (blocks.next(0, block)) {
      if (block.offset != 0) {
        EXPECT_EQ(block.target, last_target);
        EXPECT_EQ(block.offset, next_offset);
      }
      last_target = block.target;
      next_offset = block.offset + block.expected;
      EXPECT_GE(block.request, block.expected);
      EXPECT_EQ(block.target % 2, thread);
      bytes[block.target] += block.expected;
    }
  }
  for (std::uint32_t i = 0; i < targets.size(); ++i) EXPECT_EQ(bytes[i], 3 * targets[i].bytes);
}

TEST(Arrivals, ArePoisson) {
  Arrivals arrivals(10'000, 0, 7);
  constexpr int kSeconds = 100;
  std::vector<int> per_millisecond(1000 * kSeconds);
  std::int64_t total = 0;
  for (; arrivals.next_ns() < kSeconds * 1'000'000'000LL; arrivals.advance(), ++total)
    ++per_millisecond.at(static_cast<std::size_t>(arrivals.next_ns() / 1'000'000));
  EXPECT_NEAR(static_cast<double>(total), 1e6, 4 * 1e3);  // 4 standard deviations
  double squares = 0;
  for (const int count : per_millisecond) squares += (count - 10.0) * (count - 10.0);
  EXPECT_NEAR(squares / static_cast<double>(per_millisecond.size()) / 10.0, 1.0, 0.03);  // variance = mean
}

TEST(Pages, KnowTheirPlaceAndContentsAfterBeingStampedAnew) {
  for (const std::size_t page_size : {512UL, 4096UL}) {
    const Pages pages(99, page_size), other_file(100, page_size);
    std::vector<std::uint64_t> words(4 * page_size / 8);
    const auto block = std::as_writable_bytes(std::span(words));
    pages.lay_out(block, 0);
    EXPECT_EQ(pages.first_wrong(block, 0), std::nullopt);
    EXPECT_EQ(pages.first_wrong(block, page_size), page_size) << "the right data in the wrong place";
    EXPECT_EQ(other_file.first_wrong(block, 0), 0U);
    pages.stamp(block, 8 * page_size, 1);
    EXPECT_EQ(pages.first_wrong(block, 8 * page_size), std::nullopt);
    block[3 * page_size - 1] ^= std::byte{1};
    EXPECT_EQ(pages.first_wrong(block, 8 * page_size), 10 * page_size);
  }
}

}  // namespace
}  // namespace millrace::storage
