// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/blocks.hpp"

#include <algorithm>

namespace millrace::storage {
namespace {

// No logical block of a drive is larger; a request past a file's end is cut there by the kernel.
constexpr std::uint64_t kLargestLogicalBlock = 4096;

std::uint32_t request_for(std::uint64_t tail, std::uint32_t block_size) {
  const std::uint64_t rounded =
      (tail + kLargestLogicalBlock - 1) / kLargestLogicalBlock * kLargestLogicalBlock;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(rounded, block_size));
}

}  // namespace

std::vector<Extent> share_of(std::uint32_t thread, std::span<const Target> targets, const Options& options) {
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    const std::uint64_t whole = target.bytes / options.block_size;
    const auto tail = static_cast<std::uint32_t>(target.bytes % options.block_size);
    const bool has_tail = tail != 0 && options.direction == Direction::kRead;
    Extent extent;
    extent.target = static_cast<std::uint32_t>(i);
    const std::uint64_t blocks = whole + (has_tail ? 1 : 0);
    if (options.pattern == Pattern::kRandom) {
      extent.count = blocks;
    } else {
      extent.first = blocks * thread / options.threads;
      extent.count = blocks * (thread + 1) / options.threads - extent.first;
    }
    if (has_tail) {
      extent.tail_block = whole;
      extent.tail_expected = tail;
      // A device ends at a whole logical block, and a request past its end is refused.
      extent.tail_request = target.device ? tail : request_for(tail, options.block_size);
    }
    if (extent.count > 0) extents.push_back(extent);
  }
  return extents;
}

ExtentTurns::ExtentTurns(std::vector<Extent> extents, std::uint32_t block_size, std::uint32_t slots,
                         std::uint64_t passes, std::uint32_t threads_sharing)
    : block_size_(block_size), bound_(extents.size() <= slots) {
  for (Extent& extent : extents) {
    State state{extent, 0, UINT64_MAX};
    if (passes != 0) state.remaining = std::max<std::uint64_t>(1, passes * extent.count / threads_sharing);
    states_.push_back(state);
  }
  if (bound_ && !states_.empty())
    for (std::uint32_t slot = 0; slot < slots; ++slot) by_slot_.push_back(&states_[slot % states_.size()]);
}

ExtentTurns::State* ExtentTurns::next_in_turn() {
  for (std::size_t tried = 0; tried < states_.size(); ++tried) {
    State& state = states_[turn_];
    if (++turn_ == states_.size()) turn_ = 0;
    if (state.remaining != 0) return &state;
  }
  return nullptr;
}

WholeFiles::WholeFiles(std::vector<File> files, std::uint32_t block_size, std::uint64_t passes)
    : files_(std::move(files)), block_size_(block_size), passes_left_(passes == 0 ? UINT64_MAX : passes) {}

bool WholeFiles::next(std::uint32_t, Block& block) {
  if (passes_left_ == 0) return false;
  const File& file = files_[file_];
  const std::uint64_t rest = file.bytes - offset_;
  block.target = file.target;
  block.offset = offset_;
  block.expected = static_cast<std::uint32_t>(std::min<std::uint64_t>(rest, block_size_));
  block.request = request_for(block.expected, block_size_);
  offset_ += block.expected;
  if (offset_ == file.bytes) {
    offset_ = 0;
    if (++file_ == files_.size()) {
      file_ = 0;
      --passes_left_;
    }
  }
  return true;
}

std::vector<WholeFiles::File> files_of(std::uint32_t thread, std::span<const Target> targets,
                                       std::uint32_t threads) {
  std::vector<WholeFiles::File> files;
  for (std::size_t i = thread; i < targets.size(); i += threads)
    files.push_back({static_cast<std::uint32_t>(i), targets[i].bytes});
  return files;
}

}  // namespace millrace::storage
