// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/lane.hpp"

namespace millrace::gpu {
namespace {

constexpr std::size_t kRing = Lane::kAhead + 2;  // the end before the oldest stays, as its beginning

}  // namespace

Result<Lane> Lane::make(const cuda::Context& context, std::string name, std::uint64_t bytes, Work work) {
  if (auto current = context.make_current(); !current) return tl::unexpected(current.error());
  Lane lane;
  lane.context_ = &context;
  lane.name_ = std::move(name);
  lane.bytes_ = bytes;
  lane.work_ = std::move(work);
  auto stream = cuda::Stream::make();
  if (!stream) return tl::unexpected(stream.error());
  lane.stream_ = std::move(*stream);
  for (std::size_t i = 0; i < 1 + kRing; ++i) {
    auto event = cuda::Event::make();
    if (!event) return tl::unexpected(event.error());
    lane.events_.push_back(std::move(*event));
  }
  lane.batches_.resize(kRing);
  return lane;
}

Result<void> Lane::begin(const cuda::Event* start) {
  if (auto current = context_->make_current(); !current) return current;
  if (start != nullptr)
    if (auto waits = stream_.wait_for(*start); !waits) return waits;
  return events_.front().record(stream());
}

Result<void> Lane::queue() {
  if (auto current = context_->make_current(); !current) return current;
  for (std::uint64_t i = 0; i < batch_; ++i)
    if (auto queued = work_(stream()); !queued) return queued;
  batches_[queued_ % kRing] = batch_;
  if (auto recorded = events_[1 + queued_ % kRing].record(stream()); !recorded) return recorded;
  ++queued_;
  return {};
}

Result<std::optional<Lane::Done>> Lane::take() {
  if (is_empty()) return std::nullopt;
  const cuda::Event& end = events_[1 + taken_ % kRing];
  const auto over = end.is_done();
  if (!over) return tl::unexpected(over.error());
  if (!*over) return std::nullopt;
  const cuda::Event& begin = taken_ == 0 ? events_.front() : events_[1 + (taken_ - 1) % kRing];
  const auto seconds = end.seconds_since(begin);
  if (!seconds) return tl::unexpected(seconds.error());
  const std::uint64_t times = batches_[taken_ % kRing];
  ++taken_;
  return Done{*seconds, bytes_ * times, times};
}

void Lane::abandon() {
  stream_.abandon();
  for (cuda::Event& event : events_) event.abandon();
}

}  // namespace millrace::gpu
