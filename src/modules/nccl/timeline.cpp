// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::nccl {

Result<Timeline> Timeline::make(const sdk::Host& host, Communicator& communicator, const cuda::Stream& stream,
                                std::string doing) {
  Timeline timeline;
  timeline.host_ = host;
  timeline.communicator_ = &communicator;
  timeline.stream_ = &stream;
  timeline.doing_ = std::move(doing);
  auto base = cuda::Event::make();
  if (!base) return tl::unexpected(base.error());
  timeline.base_ = std::move(*base);
  for (std::size_t i = 0; i < kMostQueued; ++i) {
    auto begin = cuda::Event::make();
    auto end = cuda::Event::make();
    if (!begin) return tl::unexpected(begin.error());
    if (!end) return tl::unexpected(end.error());
    timeline.spare_.push_back({std::move(*begin), std::move(*end), 0});
  }
  return timeline;
}

Result<void> Timeline::calibrate() {
  if (auto recorded = base_.record(stream_->handle()); !recorded) return recorded;
  const std::int64_t before_ns = host_.now_ns();
  if (auto waited = communicator_->wait_until([this] { return base_.is_done(); }, doing_); !waited)
    return waited;
  // It happened between the two; soon after the first, since the stream was empty.
  base_ns_ = before_ns;
  return {};
}

Result<void> Timeline::put(const std::function<Result<void>()>& launch) {
  Pair pair = std::move(spare_.back());
  spare_.pop_back();
  if (auto recorded = pair.begin.record(stream_->handle()); !recorded) return recorded;
  if (auto launched = launch(); !launched) return launched;
  pair.launched_ns = host_.now_ns();
  if (auto recorded = pair.end.record(stream_->handle()); !recorded) return recorded;
  queued_.push_back(std::move(pair));
  return {};
}

Result<collective::Interval> Timeline::take() {
  Pair& oldest = queued_.front();
  if (auto waited = communicator_->wait_until([&] { return oldest.end.is_done(); }, doing_); !waited)
    return tl::unexpected(waited.error());
  const auto begin_s = oldest.begin.seconds_since(base_);
  const auto end_s = oldest.end.seconds_since(base_);
  if (!begin_s) return tl::unexpected(begin_s.error());
  if (!end_s) return tl::unexpected(end_s.error());
  const auto on_host = [this](double s) {
    return base_ns_ + static_cast<std::int64_t>(std::llround(s * 1e9));
  };
  collective::Interval interval{on_host(*begin_s), on_host(*end_s), 0};
  interval.arrived_ns =
      std::clamp(oldest.launched_ns, interval.begin_ns, std::max(interval.begin_ns, interval.end_ns));
  spare_.push_back(std::move(oldest));
  queued_.pop_front();
  return interval;
}

void Timeline::abandon() {
  base_.abandon();
  for (Pair& pair : spare_) {
    pair.begin.abandon();
    pair.end.abandon();
  }
  for (Pair& pair : queued_) {
    pair.begin.abandon();
    pair.end.abandon();
  }
}

}  // namespace millrace::nccl
