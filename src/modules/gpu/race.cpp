// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/race.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "units/quantity.hpp"

namespace millrace::gpu {
namespace {

constexpr double kShort_s = 200e-6;  // pieces shorter than this are batched
constexpr std::uint64_t kMostBatch =
    8;  // with Lane::kAhead: 24 launches queued; beyond some 32 queueing may block
constexpr std::int64_t kLongestNap_ns = 200'000;

void nap(std::int64_t ns) {
  const timespec length{0, ns};
  nanosleep(&length, nullptr);
}

}  // namespace

Race::Race(const sdk::Host& host, std::span<Lane> lanes, const Kernels* kernels, Gate* gate,
           std::int64_t timeout_ns)
    : host_(host),
      lanes_(lanes),
      kernels_(kernels),
      gate_(kernels == nullptr ? nullptr : gate),
      timeout_ns_(timeout_ns) {}

Error Race::named(const Error& error, const Lane& lane) const {
  return {fmt::format("{}: {}", lane.name(), error.what), error.hint, error.exit};
}

Error Race::stuck() const {
  const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [](const Lane& l) { return !l.is_empty(); });
  return {fmt::format("{}: nothing that was queued ended within {}",
                      lane == lanes_.end() ? "the GPU" : lane->name(), to_text(Duration{timeout_ns_})),
          "the GPU hangs or is far slower than expected: `nvidia-smi` and `dmesg | grep Xid` tell more; "
          "--timeout waits longer"};
}

Result<void> Race::start() {
  Lane& first = lanes_.front();
  if (auto current = first.context().make_current(); !current) return current;
  auto passed = cuda::Event::make();
  if (!passed) return tl::unexpected(passed.error());
  passed_ = std::move(*passed);
  if (gate_ != nullptr) {
    if (auto closed = gate_->close(*kernels_, first.stream(), passed_, timeout_ns_); !closed) return closed;
  } else if (auto recorded = passed_.record(first.stream()); !recorded) {
    return recorded;
  }
  for (Lane& lane : lanes_) {
    if (auto began = lane.begin(&passed_); !began) return tl::unexpected(named(began.error(), lane));
    for (std::size_t i = 0; i < Lane::kAhead; ++i)
      if (auto queued = lane.queue(); !queued) return tl::unexpected(named(queued.error(), lane));
  }
  if (gate_ != nullptr) gate_->open();
  return {};
}

Result<bool> Race::look(bool feed, const std::function<void(const Piece&)>& take) {
  bool any = false;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    for (;;) {
      auto done = lane.take();
      if (!done) return tl::unexpected(named(done.error(), lane));
      if (!*done) break;
      any = true;
      piece_s_ = (*done)->seconds;
      if (take) take({i, **done});
      if (!feed) continue;
      const double each_s = (*done)->seconds / static_cast<double>((*done)->times);
      const double wanted = each_s > 0 ? kShort_s / each_s : 1;
      lane.set_batch(std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, kMostBatch));
      if (auto queued = lane.queue(); !queued) return tl::unexpected(named(queued.error(), lane));
    }
  }
  return any;
}

Result<void> Race::run(const std::function<bool()>& over, const std::function<void(const Piece&)>& take) {
  if (auto started = start(); !started) {
    if (gate_ != nullptr) gate_->open();  // nothing is left waiting
    return started;
  }
  std::int64_t last_ns = host_.now_ns();
  while (!over()) {
    auto any = look(true, take);
    if (!any) return tl::unexpected(any.error());
    if (*any) {
      last_ns = host_.now_ns();
      continue;
    }
    if (host_.now_ns() - last_ns > timeout_ns_) return tl::unexpected(stuck());
    if (piece_s_ > 100e-6 || piece_s_ == 0)
      nap(std::clamp<std::int64_t>(static_cast<std::int64_t>(piece_s_ * 1e9 / 20), 20'000, kLongestNap_ns));
  }
  return drain();
}

Result<void> Race::drain() {
  for (Lane& lane : lanes_) {
    const std::int64_t deadline_ns = host_.now_ns() + timeout_ns_;
    while (!lane.is_empty()) {
      if (auto looked = look(false, {}); !looked) return tl::unexpected(looked.error());
      if (host_.now_ns() > deadline_ns) return tl::unexpected(stuck());
      if (!lane.is_empty()) nap(kLongestNap_ns / 4);
    }
  }
  return {};
}

}  // namespace millrace::gpu
