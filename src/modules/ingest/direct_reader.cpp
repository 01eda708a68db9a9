// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/direct_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace millrace::ingest {

StageTimes DirectReader::run() {
  clock_ = StageClock();  // from here on, in this thread
  Staged staged;
  while (plumbing_.free_stored.pop(staged, clock_.output_ns)) {
    const Extent& extent = plan_.take();
    staged.extent = &extent;
    if (!open(extent) || !read(extent, staged)) break;
    clock_.bytes += extent.bytes;
    if (!plumbing_.read_output.push({staged, nullptr, &extent}, clock_.output_ns)) break;
  }
  return clock_.stop();
}

bool DirectReader::open(const Extent& extent) {
  if (file_ != nullptr && file_->path() == extent.file->path) return true;
  auto file = DataFile::open(extent.file->path, Source::kCold);
  if (!file) {
    plumbing_.fail(file.error());
    return false;
  }
  file_ = std::move(*file);
  if (!file_->bypasses_cache()) plan_.cache_not_bypassed.store(true, std::memory_order_relaxed);
  return true;
}

bool DirectReader::read(const Extent& extent, Staged& staged) {
  const std::uint64_t begin = extent.offset / kMaxAlignment * kMaxAlignment;
  const std::uint64_t wanted_end = extent.offset + extent.bytes;
  staged.skew = static_cast<std::size_t>(extent.offset - begin);
  for (std::uint64_t at = begin; at < wanted_end;) {
    const std::uint64_t whole = (wanted_end - at + kMaxAlignment - 1) / kMaxAlignment * kMaxAlignment;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(settings_.block_size, whole));
    std::size_t done = 0;
    if (!memory_.read_direct(file_->fd(), at, staged.buffer + (at - begin), size, done))
      return fail(fmt::format("a direct read of {} at offset {} failed", file_->path().string(), at),
                  "see what the memory says, cufile.log and dmesg");
    // What an aligned read asks for beyond the end of the file does not come.
    const std::uint64_t expected = std::min<std::uint64_t>(size, wanted_end - at);
    if (done < expected)
      return fail(
          fmt::format("{} ends at offset {}, in the middle of a record", file_->path().string(), at + done),
          "was it cut while it was being read?");
    at += size;
  }
  return true;
}

bool DirectReader::fail(const std::string& what, const char* hint) {
  plumbing_.fail({what, hint, Exit::kUsage});
  return false;
}

const char* flag_of_path(int path) {
  if (path == MILLRACE_PATH_DIRECT) return "gds-direct";
  return path == MILLRACE_PATH_COMPATIBILITY ? "gds-compatibility" : "gds-path-unproven";
}

}  // namespace millrace::ingest
