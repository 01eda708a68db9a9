// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "modules/collective/batch_report.hpp"
#include "modules/collective/cancellation.hpp"
#include "modules/nccl/enqueue.hpp"
#include "modules/nccl/verification.hpp"

namespace millrace::nccl {
namespace {

using collective::BatchTimes;
using collective::Interval;

constexpr std::uint64_t kMostInBatch = 2048;  // an exchange of 64 KiB holds their times
static_assert(kMostInBatch * sizeof(Interval) <= std::size_t{64} * 1024);

struct Unsettled {
  BatchTimes times;
  std::vector<Interval> mine;
};

// Every rank's intervals, rank 0's first. Empty once the run is stopped: exchanges end with it.
std::vector<Interval> gathered(const sdk::Host& host, const std::vector<Interval>& mine,
                               std::int64_t timeout_ns) {
  const std::size_t size = mine.size() * sizeof(Interval);
  const auto all = host.exchange({reinterpret_cast<const char*>(mine.data()), size}, timeout_ns);
  std::vector<Interval> intervals;
  for (const std::string& one : all) {
    if (one.size() != size) return {};
    intervals.resize(intervals.size() + mine.size());
    std::memcpy(&intervals[intervals.size() - mine.size()], one.data(), size);
  }
  return intervals;
}

}  // namespace

sdk::Outcome CollectiveProbe::describe_it(const sdk::Host& host, collective::Collective collective) {
  const auto settings = settings_from(host, collective);
  return settings ? add_ranks(host, *settings) : collective::report(host, settings.error());
}

Result<void> CollectiveProbe::prepare(const sdk::Host& host) {
  auto settings = settings_from(host, collective_);
  if (!settings) return tl::unexpected(settings.error());
  auto rank = Rank::open(host, std::move(*settings));
  if (!rank) return tl::unexpected(rank.error());
  rank_ = std::move(*rank);
  Rank& r = *rank_;
  if (r.settings.verify)
    if (auto right = verify(host, r.settings, r.buffers, r.launches, r.communicator, r.stream, 0); !right)
      return right;
  return fill_for_measuring(r.settings, host.rank(), r.buffers);
}

void CollectiveProbe::tell(const sdk::Host& host) const {
  const Settings& s = rank_->settings;
  const std::size_t touched = rank_->buffers.rotation().touched_bytes;
  if (touched < default_region(rank_->context.device())) host.raise_flag("cache-warm");
  host.sample("rotation_bytes", static_cast<double>(touched));
  if (falls_back(s)) host.raise_flag("grouped-sends");
  if (host.rank() != 0) return;
  if (s.bytes() != s.size)
    host.log(MILLRACE_LOG_INFO,
             fmt::format("{} of {} bytes are moved: whole elements, as many for each of {} ranks", s.bytes(),
                         s.size, s.ranks));
  if (s.algorithm.empty())
    host.log(MILLRACE_LOG_INFO, "NCCL tells neither its algorithm nor its protocol: --algorithm sets one");
}

sdk::Outcome CollectiveProbe::open(sdk::Host& host) {
  if (const auto prepared = prepare(host); !prepared) return collective::report(host, prepared.error());
  tell(host);
  return sdk::Outcome::kOk;
}

Result<void> CollectiveProbe::take_oldest(const sdk::Host& host, sdk::Recorder& recorder,
                                          std::vector<Interval>& mine) {
  const auto interval = rank_->timeline.take();
  if (!interval) return tl::unexpected(interval.error());
  mine.push_back(*interval);
  if (recorder) recorder.done(host.now_ns(), rank_->settings.bytes());
  return {};
}

// False: all ranks stop here.
Result<bool> CollectiveProbe::run_batch(const sdk::Host& host, std::uint64_t& iteration, std::uint64_t end,
                                        sdk::Recorder& recorder, std::vector<Interval>& mine) {
  Timeline& timeline = rank_->timeline;
  if (auto set = timeline.calibrate(); !set) return tl::unexpected(set.error());
  bool stopped = false;
  while (iteration < end && !stopped) {
    const std::uint64_t until = std::min(host.continue_until(iteration), end);
    stopped = until == iteration;
    for (; iteration < until; ++iteration) {
      if (timeline.is_full())
        if (auto taken = take_oldest(host, recorder, mine); !taken) return tl::unexpected(taken.error());
      const std::size_t turn = iteration % rank_->launches.turns();
      if (auto put = timeline.put([&] { return rank_->launches.launch(turn); }); !put)
        return tl::unexpected(put.error());
    }
  }
  while (!timeline.is_empty())
    if (auto taken = take_oldest(host, recorder, mine); !taken) return tl::unexpected(taken.error());
  return !stopped;
}

// A stop falls on one iteration for all ranks. An exchange ends with the run, for one rank sooner than for
// another: then a rank goes on without the others' times to where all stop.
Result<void> CollectiveProbe::measure(const sdk::Host& host) {
  sdk::Recorder recorder;
  if (host.rank() == 0) recorder = host.recorder();
  const Settings& s = rank_->settings;
  std::vector<Interval> mine;
  std::uint64_t iteration = 0;
  std::uint64_t batch = 1;
  bool exchanging = true;
  std::optional<Unsettled> unsettled;
  for (int batches = 0;; ++batches) {
    mine.clear();
    const auto goes_on = run_batch(host, iteration, iteration + batch, recorder, mine);
    if (!goes_on) return tl::unexpected(goes_on.error());
    if (!*goes_on) break;
    const auto all = exchanging ? gathered(host, mine, s.timeout_ns) : std::vector<Interval>{};
    exchanging = !all.empty();
    if (!exchanging) {
      if (!host.cancelled()) return failure("the ranks could not tell each other their times", "");
      continue;
    }
    const BatchTimes times =
        collective::over_ranks(all, static_cast<std::size_t>(s.ranks), mine.size(), host.hosts() < 2);
    if (recorder) collective::record_latencies(recorder, times);
    const bool settled = batches >= collective::kUnsettled;
    if (settled) collective::report_batch(host, s, times, mine, s.algorithm);
    unsettled = settled ? std::nullopt : std::optional(Unsettled{times, mine});
    batch = collective::next_batch(batch, times, kMostInBatch);
  }
  // So short a run that it never settled has a figure all the same.
  if (unsettled) collective::report_batch(host, s, unsettled->times, unsettled->mine, s.algorithm);
  return {};
}

sdk::Outcome CollectiveProbe::run(sdk::Host& host) {
  Rank& r = *rank_;
  if (const auto measured = measure(host); !measured) return collective::report(host, measured.error());
  // Again: what went wrong meanwhile must not be reported as a rate.
  if (r.settings.verify) {
    const auto right = verify(host, r.settings, r.buffers, r.launches, r.communicator, r.stream, 0);
    if (!right) return collective::report(host, right.error());
  }
  return sdk::Outcome::kOk;
}

sdk::Outcome CollectiveProbe::close(sdk::Host& host) {
  const auto closed = rank_->close();
  return closed ? sdk::Outcome::kOk : collective::report(host, closed.error());
}

}  // namespace millrace::nccl
