// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/synthetic.hpp"

#include <algorithm>
#include <cstring>
#include <random>

#include "modules/ingest/data_file.hpp"

namespace millrace::ingest {
namespace {

void fill_random(std::byte* to, std::size_t size, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  for (std::size_t at = 0; at < size; at += 8) {
    const std::uint64_t word = engine();
    std::memcpy(to + at, &word, std::min<std::size_t>(8, size - at));
  }
}

}  // namespace

Result<void> prefill(const Staged& staged) {
  const Extent& extent = *staged.extent;
  if (extent.file->path.empty()) {
    fill_random(staged.data(), extent.bytes, extent.offset);
    return {};
  }
  const auto file = DataFile::open(extent.file->path, Source::kCached);
  if (!file) return tl::unexpected(file.error());
  return (*file)->read_at(extent.offset, staged.data(), extent.bytes);
}

StageTimes hand_out(Plumbing& plumbing) {
  StageClock clock;
  Staged staged;
  while (plumbing.free_stored.pop(staged, clock.output_ns)) {
    clock.bytes += staged.extent->bytes;
    if (!plumbing.read_output.push({staged, nullptr, staged.extent}, clock.output_ns)) break;
  }
  return clock.stop();
}

void hand_over(Plumbing& plumbing, std::uint64_t stored_bytes) {
  std::int64_t waited_ns = 0;
  for (DeviceBatch batch{nullptr, stored_bytes}; plumbing.free_batches.pop(batch.data, waited_ns);)
    if (!plumbing.ready.push(batch, waited_ns)) return;
}

}  // namespace millrace::ingest
