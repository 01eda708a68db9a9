// SPDX-License-Identifier: Apache-2.0
// For --verify: what lies in GPU memory after a read, and on the drive after a write, held against what was
// written there. Of one lane.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "modules/gds/slots.hpp"
#include "modules/storage/blocks.hpp"
#include "modules/storage/pages.hpp"
#include "modules/storage/target.hpp"

namespace millrace::gds {

class FileCheck {
 public:
  static Result<FileCheck> make(const Settings& settings, std::span<const storage::Target> targets,
                                std::size_t lane);

  // Fails where the block in GPU memory is not what was laid out at its place.
  Result<void> read_was_right(const storage::Block& block, CUdeviceptr at) const;
  // Puts a block into GPU memory that belongs to the place that it is about to be written to.
  Result<void> stamp(const storage::Block& block, CUdeviceptr at);
  void abandon() { copies_.abandon(); }

 private:
  explicit FileCheck(BlockCopies copies) : copies_(std::move(copies)) {}

  BlockCopies copies_;
  std::span<const storage::Target> targets_;
  std::vector<storage::Pages> pages_;  // of each target
  std::uint64_t sequence_ = 0;         // of the last block stamped; never 0, as what was laid out first has
};

// Of blocks that were written by stamp: which lie on the drive.
class WrittenBlocks {
 public:
  WrittenBlocks(std::span<const storage::Target> targets, std::uint32_t block_size);
  void add(const storage::Block& block);  // any thread
  // Reads all of each file by the CPU. Every page must be one that was written there, and those of the blocks
  // that were added newer than what was laid out before.
  Result<void> read_back(std::span<const storage::Target> targets) const;

 private:
  std::uint32_t block_size_;
  std::vector<std::vector<std::uint8_t>> written_;
};

}  // namespace millrace::gds
