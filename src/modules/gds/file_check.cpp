// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/file_check.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "modules/storage/buffers.hpp"
#include "modules/storage/system_failure.hpp"

namespace millrace::gds {
namespace {

constexpr const char* kTrustNothing =
    "the drive, the GPU or the path between them corrupts data: trust nothing that went this way";

}  // namespace

Result<FileCheck> FileCheck::make(const Settings& settings, std::span<const storage::Target> targets,
                                  std::size_t lane) {
  const std::uint32_t block_size = settings.storage.block_size;
  auto copies = BlockCopies::make(block_size, settings.timeout_ns);
  if (!copies) return tl::unexpected(copies.error());
  FileCheck check(std::move(*copies));
  check.targets_ = targets;
  for (const storage::Target& target : targets)
    check.pages_.emplace_back(target.content_seed.value_or(0), storage::page_size_for(block_size));
  check.sequence_ = static_cast<std::uint64_t>(lane + 1) << 40;
  check.pages_.front().lay_out(check.copies_.block(), 0);  // bodies; stamp gives them their places
  return check;
}

Result<void> FileCheck::read_was_right(const storage::Block& block, CUdeviceptr at) const {
  if (Result<void> copied = copies_.from_gpu(at, block.expected); !copied) return copied;
  const auto wrong = pages_[block.target].first_wrong(copies_.block().first(block.expected), block.offset);
  if (!wrong) return {};
  return failure(
      fmt::format("wrong data in GPU memory of offset {} of {}", *wrong, targets_[block.target].name),
      kTrustNothing);
}

Result<void> FileCheck::stamp(const storage::Block& block, CUdeviceptr at) {
  pages_[block.target].stamp(copies_.block(), block.offset, ++sequence_);
  return copies_.to_gpu(at, copies_.block().size());
}

WrittenBlocks::WrittenBlocks(std::span<const storage::Target> targets, std::uint32_t block_size)
    : block_size_(block_size) {
  for (const storage::Target& target : targets) written_.emplace_back(target.bytes / block_size);
}

void WrittenBlocks::add(const storage::Block& block) {
  std::atomic_ref(written_[block.target][block.offset / block_size_]).store(1, std::memory_order_relaxed);
}

Result<void> WrittenBlocks::read_back(std::span<const storage::Target> targets) const {
  auto buffer = storage::Buffer::allocate(block_size_, block_size_);
  if (!buffer) return tl::unexpected(buffer.error());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const storage::Target& target = targets[i];
    const storage::Pages pages(target.content_seed.value_or(0), storage::page_size_for(block_size_));
    for (std::uint64_t offset = 0; offset < target.bytes; offset += block_size_) {
      const ssize_t got = pread(target.fd.get(), buffer->data(), block_size_, static_cast<off_t>(offset));
      if (got != static_cast<ssize_t>(block_size_))
        return storage::system_failure(got < 0 ? errno : EIO,
                                       fmt::format("read back {} at offset {}", target.name, offset));
      if (const auto wrong = pages.first_wrong({buffer->data(), block_size_}, offset))
        return failure(fmt::format("wrong data at offset {} of {} after writing", *wrong, target.name),
                       kTrustNothing);
      std::uint64_t sequence = 0;  // the second word of a page
      std::memcpy(&sequence, buffer->data() + sizeof sequence, sizeof sequence);
      if (written_[i][offset / block_size_] != 0 && sequence == 0)
        return failure(fmt::format("what was written at offset {} of {} is not there", offset, target.name),
                       kTrustNothing);
    }
  }
  return {};
}

}  // namespace millrace::gds
