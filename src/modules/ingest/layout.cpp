// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/layout.hpp"

#include <algorithm>

#include "modules/ingest/data_file.hpp"
#include "modules/ingest/preparation.hpp"

namespace millrace::ingest {
namespace {

std::size_t round_up(std::uint64_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }
std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) { return (value + by - 1) / by; }

}  // namespace

Layout layout_of(const Settings& settings, std::span<const Extent> extents) {
  std::uint64_t bytes = 0, records = 0, most_bytes = 0, most_content = 0, largest_record = 0;
  for (const Extent& extent : extents) {
    bytes += extent.bytes;
    records += extent.records.size();
    most_bytes = std::max(most_bytes, extent.bytes);
    most_content = std::max(most_content, extent.content_bytes);
    for (const Record& record : extent.records)
      largest_record = std::max({largest_record, record.content_bytes, record.bytes});
  }
  const std::uint64_t count = std::max<std::uint64_t>(extents.size(), 1);
  const std::uint64_t mean = std::max<std::uint64_t>(bytes / count, 1);
  Layout layout;
  // Enough to keep queue_depth blocks under way, and one to go on with while another's last blocks arrive.
  layout.extents_per_reader = std::min<std::uint64_t>(
      settings.queue_depth, 1 + divide_up(std::uint64_t{settings.queue_depth} * settings.block_size, mean));
  layout.extents_per_reader = std::max<std::size_t>(layout.extents_per_reader, 1);
  const bool prepares = settings.prep != Prep::kNone;
  layout.read_queue = prepares ? std::max(settings.read_threads, settings.prep_threads) : 1;
  layout.prepared_queue = std::max<std::uint64_t>(
      divide_up(settings.prefetch * settings.batch * count, std::max<std::uint64_t>(records, 1)), 1);

  const std::size_t reading = settings.read_threads * layout.extents_per_reader;
  const std::size_t preparing = prepares ? settings.prep_threads : 0;
  const std::size_t after = layout.prepared_queue + kCopiesUnderWay + 1;
  layout.stored_bytes = round_up(most_bytes + 2 * kMaxAlignment, kMaxAlignment);
  layout.stored_buffers = reading + (prepares ? layout.read_queue : 0) + preparing;
  if (makes_copy(settings.prep)) {
    layout.prepared_buffers = preparing + after;
    layout.prepared_bytes = round_up(most_content, kMaxAlignment);
  } else {
    layout.stored_buffers += after;
  }
  layout.batch_bytes = round_up(settings.batch * largest_record, kMaxAlignment);
  if (settings.verify) layout.check_bytes = round_up(std::max(largest_record, most_bytes), kMaxAlignment);
  return layout;
}

}  // namespace millrace::ingest
