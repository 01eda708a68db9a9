// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/copier.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "modules/ingest/data_file.hpp"
#include "modules/ingest/synthetic.hpp"

namespace millrace::ingest {
namespace {

constexpr std::int64_t kCopyTimeout = 30'000'000'000;  // a device that takes longer hangs

}  // namespace

Verifier::Verifier(const Settings& settings, const Layout& layout, sdk::Memory memory)
    : memory_(memory),
      makes_copy_(makes_copy(settings.prep)),
      preparation_(settings.prep, 1),
      stored_(memory, MILLRACE_MEMORY_STAGING, layout.check_bytes),
      expected_(memory, MILLRACE_MEMORY_STAGING, layout.check_bytes),
      back_(memory, MILLRACE_MEMORY_STAGING, layout.check_bytes) {}

bool Verifier::ready() const {
  return stored_.data() != nullptr && expected_.data() != nullptr && back_.data() != nullptr;
}

Result<bool> Verifier::matches(const std::byte* on_device, const Parcel& parcel, std::size_t r) {
  const Record& record = parcel.extent->records[r];
  std::uint64_t offset = 0;
  for (std::size_t before = 0; before < r; ++before) offset += parcel.extent->records[before].bytes;
  const std::byte* anew = stored_.data();
  if (parcel.extent->file->path.empty()) {
    static_cast<void>(prefill({stored_.data(), parcel.extent, 0}));  // reads nothing, and so cannot fail
    anew += offset;
  } else {
    const auto file = DataFile::open(parcel.extent->file->path, Source::kCached);
    if (!file) return tl::unexpected(file.error());
    const auto read = (*file)->read_at(parcel.extent->offset + offset, stored_.data(), record.bytes);
    if (!read) return tl::unexpected(read.error());
  }
  const std::span<const std::byte> stored(anew, record.bytes);
  if (const auto prepared = preparation_.prepare(stored, {expected_.data(), record.content_bytes}, record);
      !prepared)
    return tl::unexpected(prepared.error());
  std::uint64_t ticket = 0;
  if (!memory_.copy(back_.data(), on_device, record.content_bytes, ticket) ||
      !memory_.wait(ticket, kCopyTimeout))
    return failure("the device did not copy a record back");
  const std::byte* expected = makes_copy_ ? expected_.data() : anew;
  return std::memcmp(back_.data(), expected, record.content_bytes) == 0;
}

StageTimes Copier::run() {
  clock_ = StageClock();
  Parcel parcel;
  while (next(parcel) && take_in(parcel)) {
  }
  const StageTimes times = clock_.stop();
  if (last_ticket_ != 0)
    static_cast<void>(memory_.wait(last_ticket_, kCopyTimeout));  // buffers go only after that
  return times;
}

// Copies under way are finished before waiting, so that their buffers are not held back.
bool Copier::next(Parcel& parcel) {
  if (plumbing_.prepared.try_pop(parcel)) return true;
  while (!under_way_.empty())
    if (!finish_oldest()) return false;
  return plumbing_.prepared.pop(parcel, clock_.input_ns);
}

bool Copier::take_in(const Parcel& parcel) {
  const std::span<const Record> records = parcel.extent->records;
  std::size_t content_offset = 0;
  std::uint64_t ticket = 0;
  for (std::size_t first = 0; first < records.size();) {
    if (batch_.data == nullptr && !plumbing_.free_batches.pop(batch_.data, clock_.output_ns)) return false;
    const std::size_t count = std::min<std::uint64_t>(records.size() - first, settings_.batch - records_);
    if (!put(parcel, first, count, content_offset, ticket)) return false;
    for (std::size_t r = first; r < first + count; ++r) content_offset += records[r].content_bytes;
    first += count;
    records_ += count;
    if (first == records.size()) under_way_.push_back({parcel, ticket});
    if (records_ == settings_.batch) {
      if (!memory_.wait(ticket, kCopyTimeout)) return fail("a copy into the device did not end");
      if (!finish_batch()) return false;
    }
  }
  return under_way_.size() < kCopiesUnderWay || finish_oldest();
}

// Neighbours lie side by side in the buffer, and so one copy takes them all.
bool Copier::put(const Parcel& parcel, std::size_t first, std::size_t count, std::size_t content_offset,
                 std::uint64_t& ticket) {
  std::uint64_t content = 0, stored = 0;
  for (const Record& record : parcel.extent->records.subspan(first, count)) {
    content += record.content_bytes;
    stored += record.bytes;
  }
  std::byte* to = batch_.data + filled_;
  if (!memory_.copy(to, parcel.content() + content_offset, content, ticket))
    return fail("a copy into the device was refused");
  last_ticket_ = ticket;
  filled_ += content;
  batch_.stored_bytes += stored;
  clock_.bytes += stored;
  return verifier_ == nullptr || (memory_.wait(ticket, kCopyTimeout) && verify(parcel, first, count, to));
}

bool Copier::finish_oldest() {
  const UnderWay oldest = under_way_.front();
  under_way_.pop_front();
  if (!memory_.wait(oldest.ticket, kCopyTimeout)) return fail("a copy into the device did not end");
  return give_back(oldest.parcel);
}

bool Copier::finish_batch() {
  records_ = 0;
  filled_ = 0;
  return plumbing_.ready.push(std::exchange(batch_, {}), clock_.output_ns);
}

bool Copier::give_back(const Parcel& parcel) {
  // There is room for every buffer, so that neither call waits.
  if (parcel.prepared != nullptr) return plumbing_.free_prepared.push(parcel.prepared, clock_.output_ns);
  return plumbing_.free_stored.push(parcel.stored, clock_.output_ns);
}

bool Copier::verify(const Parcel& parcel, std::size_t first, std::size_t count, const std::byte* on_device) {
  for (std::size_t r = first; r < first + count; ++r) {
    const auto same = verifier_->matches(on_device, parcel, r);
    if (!same) {
      plumbing_.fail(same.error());
      return false;
    }
    verified_ = verified_ && *same;
    on_device += parcel.extent->records[r].content_bytes;
  }
  return true;
}

bool Copier::fail(const char* what) {
  plumbing_.fail({what, "see the memory module's message, or the device's log", Exit::kUsage});
  return false;
}

}  // namespace millrace::ingest
