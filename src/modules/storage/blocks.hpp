// SPDX-License-Identifier: Apache-2.0
// Which block comes next: the three orders in which a thread visits its share of the targets.
//
// Each has next(slot, block): false when that slot has no more to do (after --passes). A slot is a place in
// the queue; where there are as many slots as targets, each slot stays with one target, so that every drive
// keeps its part of the depth and a slow one does not drain the queues of the others.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "modules/storage/options.hpp"
#include "modules/storage/random.hpp"
#include "modules/storage/target.hpp"

namespace millrace::storage {

struct Block {
  std::uint64_t offset = 0;
  std::uint32_t target = 0;
  std::uint32_t request = 0;   // bytes to ask for
  std::uint32_t expected = 0;  // bytes that must come: less than request only at a file's end
};

// One thread's part of one target, in blocks.
struct Extent {
  std::uint32_t target = 0;
  std::uint64_t first = 0, count = 0;
  std::uint64_t tail_block = UINT64_MAX;  // the target's last block when it is a short one
  std::uint32_t tail_request = 0, tail_expected = 0;
};

// The part of thread `thread`: of each target a consecutive range of its own (sequential), or all of it
// (random). A short last block is left out when writing. May be empty: fewer blocks than threads.
std::vector<Extent> share_of(std::uint32_t thread, std::span<const Target> targets, const Options& options);

// What RandomBlocks and SequentialBlocks have in common: the extent of a slot, and when it is done.
class ExtentTurns {
 public:
  ExtentTurns(std::vector<Extent> extents, std::uint32_t block_size, std::uint32_t slots,
              std::uint64_t passes, std::uint32_t threads_sharing);

 protected:
  struct State {
    Extent extent;
    std::uint64_t cursor = 0;
    std::uint64_t remaining = UINT64_MAX;  // operations
  };

  // Null: nothing left for this slot.
  State* turn(std::uint32_t slot) {
    State* state = bound_ ? by_slot_[slot] : next_in_turn();
    if (state == nullptr || state->remaining == 0) [[unlikely]]
      return nullptr;
    --state->remaining;
    return state;
  }

  void describe(const State& state, std::uint64_t index, Block& block) const {
    block.offset = index * block_size_;
    block.target = state.extent.target;
    block.request = block.expected = block_size_;
    if (index == state.extent.tail_block) [[unlikely]] {
      block.request = state.extent.tail_request;
      block.expected = state.extent.tail_expected;
    }
  }

 private:
  State* next_in_turn();

  std::vector<State> states_;
  std::vector<State*> by_slot_;
  std::uint32_t block_size_;
  std::size_t turn_ = 0;
  bool bound_;
};

class SequentialBlocks : public ExtentTurns {
 public:
  using ExtentTurns::ExtentTurns;

  bool next(std::uint32_t slot, Block& block) {
    State* state = turn(slot);
    if (state == nullptr) [[unlikely]]
      return false;
    describe(*state, state->extent.first + state->cursor, block);
    if (++state->cursor == state->extent.count) state->cursor = 0;
    return true;
  }
};

class RandomBlocks : public ExtentTurns {
 public:
  RandomBlocks(std::vector<Extent> extents, std::uint32_t block_size, std::uint32_t slots,
               std::uint64_t passes, std::uint32_t threads_sharing, std::uint64_t seed)
      : ExtentTurns(std::move(extents), block_size, slots, passes, threads_sharing), random_(seed) {}

  bool next(std::uint32_t slot, Block& block) {
    const State* state = turn(slot);
    if (state == nullptr) [[unlikely]]
      return false;
    describe(*state, state->extent.first + random_.below(state->extent.count), block);
    return true;
  }

 private:
  Random random_;
};

// Whole files, one after another, block by block.
class WholeFiles {
 public:
  struct File {
    std::uint32_t target;
    std::uint64_t bytes;
  };

  WholeFiles(std::vector<File> files, std::uint32_t block_size, std::uint64_t passes);

  bool next(std::uint32_t slot, Block& block);

 private:
  std::vector<File> files_;
  std::uint32_t block_size_;
  std::uint64_t passes_left_;
  std::size_t file_ = 0;
  std::uint64_t offset_ = 0;
};

// Every threads-th file, beginning with the thread-th.
std::vector<WholeFiles::File> files_of(std::uint32_t thread, std::span<const Target> targets,
                                       std::uint32_t threads);

}  // namespace millrace::storage
