// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace millrace::ingest {
namespace {

std::uint64_t round_down(std::uint64_t value) { return value / kMaxAlignment * kMaxAlignment; }
std::uint64_t round_up(std::uint64_t value) { return round_down(value + kMaxAlignment - 1); }

}  // namespace

StageTimes Reader::run() {
  clock_ = StageClock();  // from here on, in this thread
  auto ring = ReadRing::create(settings_.queue_depth);
  if (!ring) {
    plumbing_.fail(ring.error());
    return clock_.stop();
  }
  bool going = true;
  ReadRing::Completion completion{};
  while (going && top_up(**ring)) {
    if (const int submitted = (*ring)->submit_and_wait(); submitted < 0) {
      plumbing_.fail(
          {fmt::format("io_uring refused to submit: {}", std::strerror(-submitted)), "", Exit::kUsage});
      break;
    }
    while (going && (*ring)->reap(completion)) going = take_in(**ring, completion);
  }
  const StageTimes times = clock_.stop();
  // The kernel still writes into the buffers: they may go only after that.
  while (under_way_ > 0 && (*ring)->submit_and_wait() >= 0)
    while ((*ring)->reap(completion)) --under_way_;
  return times;
}

bool Reader::top_up(ReadRing& ring) {
  while (under_way_ < settings_.queue_depth) {
    if (current_ == nullptr && !start_extent()) break;
    ask(ring, *current_);
  }
  return under_way_ > 0;
}

bool Reader::start_extent() {
  const auto unused = std::find_if(active_.begin(), active_.end(), [](const Active& a) { return !a.in_use; });
  if (unused == active_.end()) return false;
  Staged staged;
  // With blocks under way there is something better to do than to wait for a buffer.
  if (!plumbing_.free_stored.try_pop(staged) &&
      (under_way_ > 0 || !plumbing_.free_stored.pop(staged, clock_.output_ns)))
    return false;
  const Extent& extent = plan_.take();
  if (last_file_ == nullptr || last_file_->path() != extent.file->path) {
    auto file = DataFile::open(extent.file->path, settings_.source);
    if (!file) {
      plumbing_.fail(file.error());
      return false;
    }
    last_file_ = std::move(*file);
    if (settings_.source == Source::kCold && !last_file_->bypasses_cache())
      plan_.cache_not_bypassed.store(true, std::memory_order_relaxed);
  }
  Active& active = *unused;
  active.file = last_file_;
  active.begin = active.next = round_down(extent.offset);
  active.end = round_up(extent.offset + extent.bytes);
  active.in_use = true;
  active.staged = {staged.buffer, &extent, static_cast<std::size_t>(extent.offset - active.begin)};
  active.file->forget(active.begin, active.end - active.begin);
  current_ = &active;
  return true;
}

Reader::Block* Reader::free_block() {
  return &*std::find_if(blocks_.begin(), blocks_.end(), [](const Block& b) { return b.owner == nullptr; });
}

void Reader::ask(ReadRing& ring, Active& active) {
  Block& block = *free_block();
  const std::uint64_t size = std::min<std::uint64_t>(settings_.block_size, active.end - active.next);
  // What an aligned read may ask for beyond the end of the file does not come.
  const std::uint64_t wanted_end =
      std::min(active.next + size, active.staged.extent->offset + active.staged.extent->bytes);
  block = {&active, active.next, static_cast<unsigned>(size),
           static_cast<unsigned>(wanted_end - active.next)};
  ring.read(active.file->fd(), active.staged.buffer + (active.next - active.begin), block.size, block.offset,
            static_cast<std::uint64_t>(&block - blocks_.data()));
  active.next += size;
  ++active.under_way;
  ++under_way_;
  if (active.next == active.end) current_ = nullptr;
}

bool Reader::take_in(ReadRing& ring, const ReadRing::Completion& completion) {
  Block& block = blocks_[completion.tag];
  Active& active = *block.owner;
  --under_way_;
  if (completion.result < 0) return fail(block, -completion.result);
  const auto got = static_cast<unsigned>(completion.result);
  if (got < block.expected) {
    // The kernel may give less, and the rest when asked again; an unaligned part or nothing is the end of the
    // file.
    if (got == 0 || got % kMaxAlignment != 0) return fail({&active, block.offset + got, 0, 0}, 0);
    block.offset += got;
    block.size -= got;
    block.expected -= got;
    ring.read(active.file->fd(), active.staged.buffer + (block.offset - active.begin), block.size,
              block.offset, completion.tag);
    ++under_way_;
    return true;
  }
  block.owner = nullptr;
  --active.under_way;
  return active.under_way > 0 || &active == current_ || hand_on(active);
}

bool Reader::hand_on(Active& active) {
  active.file->forget(active.begin, active.end - active.begin);
  active.file.reset();
  active.in_use = false;
  clock_.bytes += active.staged.extent->bytes;
  return plumbing_.read_output.push({active.staged, nullptr, active.staged.extent}, clock_.output_ns);
}

bool Reader::fail(const Block& block, int reason) {
  const std::string path = block.owner->file->path().string();
  plumbing_.fail(
      reason == 0
          ? Error{fmt::format("{} ends at offset {}, in the middle of a record", path, block.offset),
                  "was it cut while it was being read?", Exit::kUsage}
          : Error{fmt::format("cannot read {} at offset {}: {}", path, block.offset, std::strerror(reason)),
                  "see the kernel's log for the device", Exit::kUsage});
  return false;
}

}  // namespace millrace::ingest
