// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/lane.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "modules/cufile/failure.hpp"
#include "modules/storage/clock.hpp"
#include "modules/storage/random.hpp"

namespace millrace::gds {

using storage::Direction;

Result<Lane> Lane::make(const Shared& shared, const cufile::Api& calls, std::size_t index) {
  const storage::Options& options = shared.settings->storage;
  const auto number = static_cast<std::uint32_t>(index);
  std::vector<storage::Extent> extents = storage::share_of(number, shared.targets, options);
  if (extents.empty())
    return failure(fmt::format("the data have fewer blocks of {} bytes than operations are in flight",
                               options.block_size),
                   "give more data, a lower --queue-depth, or a smaller --block-size");
  const bool sequential = options.pattern == storage::Pattern::kSequential;
  Lane lane(shared, index,
            sequential ? Blocks(storage::SequentialBlocks(std::move(extents), options.block_size,
                                                          options.queue_depth, options.passes, 1))
                       : Blocks(storage::RandomBlocks(
                             std::move(extents), options.block_size, options.queue_depth, options.passes,
                             options.threads, storage::mix64(options.seed ^ (std::uint64_t{index} + 1)))));
  if (options.verify) {
    auto check = FileCheck::make(*shared.settings, shared.targets, index);
    if (!check) return tl::unexpected(check.error());
    lane.check_.emplace(std::move(*check));
  }
  auto engine = make_engine(calls, *shared.settings);
  if (!engine) return tl::unexpected(engine.error());
  lane.engine_ = std::move(*engine);
  std::size_t first = 0;
  for (const std::size_t slots : lane.engine_->groups()) {
    lane.groups_.push_back({std::vector<Slot>(slots), first, 0});
    first += slots;
  }
  return lane;
}

Result<void> Lane::submit_next(std::size_t group) {
  Group& mine = groups_[group];
  const bool stamps = check_ && shared_.settings->storage.direction == Direction::kWrite;
  std::vector<Transfer> transfers;
  for (std::size_t i = 0; i < mine.slots.size(); ++i) {
    Slot& slot = mine.slots[i];
    const auto number = static_cast<std::uint32_t>(mine.first + i);
    if (!std::visit([&](auto& blocks) { return blocks.next(number, slot.block); }, blocks_)) break;
    const std::size_t at = shared_.slots->at(index_, mine.first + i);
    if (stamps)
      if (Result<void> stamped = check_->stamp(slot.block, shared_.slots->address(at)); !stamped)
        return stamped;
    transfers.push_back({&shared_.files[slot.block.target], slot.block.offset, shared_.slots->buffer(at),
                         slot.block.request});
  }
  if (transfers.empty()) return {};
  const std::int64_t now = storage::now_ns();
  for (Slot& slot : mine.slots) slot.began_ns = now;
  if (Result<void> submitted = engine_->submit(group, transfers); !submitted) return submitted;
  mine.under_way = transfers.size();
  return {};
}

Result<void> Lane::take(const Group& group, std::size_t index, ssize_t result, int error_number,
                        sdk::Recorder& recorder) {
  const Slot& slot = group.slots[index];
  const storage::Block& block = slot.block;
  const bool reads = shared_.settings->storage.direction == Direction::kRead;
  const std::string& name = shared_.targets[block.target].name;
  if (result < 0)
    return cufile::transfer_failure(result, error_number == 0 ? EIO : error_number,
                                    fmt::format("{} {} bytes at offset {} of {} by cuFile",
                                                reads ? "read" : "write", block.request, block.offset, name));
  if (result != static_cast<ssize_t>(block.expected))
    return failure(fmt::format("a short {}: {} of {} bytes at offset {} of {}", reads ? "read" : "write",
                               result, block.expected, block.offset, name),
                   "was the file cut while it was in use? Else see dmesg and cufile.log");
  const std::int64_t now = storage::now_ns();
  recorder.latency(static_cast<std::uint64_t>(now - slot.began_ns));
  recorder.done(now, block.expected);
  ++operations_;
  if (!check_) return {};
  if (reads)
    return check_->read_was_right(block,
                                  shared_.slots->address(shared_.slots->at(index_, group.first + index)));
  shared_.written->add(block);
  return {};
}

Result<void> Lane::finish(std::size_t group, sdk::Recorder& recorder) {
  Group& mine = groups_[group];
  Result<void> first_error;
  const auto waited =
      engine_->wait(group, [&](std::size_t slot, ssize_t result, int error_number) -> Result<void> {
        --mine.under_way;
        if (auto taken = take(mine, slot, result, error_number, recorder); !taken && first_error)
          first_error = taken;
        return {};  // the rest of the group is under way still
      });
  return first_error ? waited : first_error;
}

Result<void> Lane::loop(sdk::Recorder& recorder, const std::function<bool()>& stopped) {
  for (std::size_t group = 0; group < groups_.size(); ++group)
    if (Result<void> submitted = submit_next(group); !submitted) return submitted;
  const auto under_way = [this] {
    return std::any_of(groups_.begin(), groups_.end(),
                       [](const Group& group) { return group.under_way > 0; });
  };
  while (under_way())
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      if (groups_[group].under_way == 0) continue;
      if (Result<void> finished = finish(group, recorder); !finished) return finished;
      if (stopped()) continue;
      if (Result<void> submitted = submit_next(group); !submitted) return submitted;
    }
  return {};
}

// What is under way writes into memory that is about to be freed.
void Lane::drain() {
  for (std::size_t group = 0; group < groups_.size() && !stuck_; ++group) {
    if (groups_[group].under_way == 0) continue;
    const auto ended = engine_->wait(group, [&](std::size_t, ssize_t, int) -> Result<void> {
      --groups_[group].under_way;
      return {};
    });
    stuck_ = !ended.has_value() || groups_[group].under_way > 0;
  }
}

Result<void> Lane::run(sdk::Recorder& recorder, const std::function<bool()>& stopped) {
  Result<void> done = loop(recorder, stopped);
  if (!done) drain();
  return done;
}

void Lane::abandon() {
  engine_->abandon();
  if (check_) check_->abandon();
}

}  // namespace millrace::gds
