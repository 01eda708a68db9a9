// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "modules/collective/batch_report.hpp"
#include "modules/collective/cancellation.hpp"
#include "modules/gloo/cache.hpp"
#include "modules/gloo/gloo_failure.hpp"
#include "modules/gloo/mesh.hpp"
#include "modules/gloo/placement.hpp"
#include "modules/gloo/verification.hpp"
#include "units/quantity.hpp"

namespace millrace::gloo {
namespace {

using collective::BatchTimes;
using collective::Interval;

constexpr std::uint64_t kMostInBatch = 4096;

}  // namespace

sdk::Outcome CollectiveProbe::describe_it(const sdk::Host& host, collective::Collective collective) {
  const Result<Settings> settings = settings_from(host, collective);
  if (!settings) return collective::report(host, settings.error());
  if (const Result<void> fine = try_address(host); !fine) return collective::report(host, fine.error());
  const Result<std::string> address = address_of(host, host.host_index());
  const Placement place = placement_of(host, *settings, *address);
  for (int rank = 0; rank < settings->ranks_here; ++rank) {
    const sdk::Outcome added =
        host.add_worker({.role = "rank",
                         .from = place.from,
                         .to = place.to,
                         .numa_node = place.numa_node,
                         .threads = 2,  // Gloo's own moves the bytes, the other computes
                         .memory_bytes = memory_of(*settings)});
    if (added != sdk::Outcome::kOk) return added;
  }
  return sdk::Outcome::kOk;
}

Result<void> CollectiveProbe::prepare(const sdk::Host& host) {
  Result<Settings> settings = settings_from(host, collective_);
  if (!settings) return tl::unexpected(settings.error());
  settings_ = *settings;
  Result<Arrays> arrays = Arrays::allocate(settings_, host.rank());
  if (!arrays) return tl::unexpected(arrays.error());
  arrays_ = std::move(*arrays);
  Result<std::shared_ptr<::gloo::Context>> context = connect_all(host, settings_);
  if (!context) return tl::unexpected(context.error());
  context_ = std::move(*context);
  calls_ = make_calls(context_, settings_, arrays_.turns());
  if (settings_.verify) {
    if (Result<void> right = verify(host, settings_, arrays_.turns().front(), calls_.front()); !right)
      return right;
  }
  fill_for_measuring(settings_, host.rank(), arrays_.turns());
  return {};
}

sdk::Outcome CollectiveProbe::ended_by(const sdk::Host& host, const std::exception& thrown) const {
  // Others notice at once, instead of waiting for their own time-out.
  if (context_) context_->closeConnections();
  if (host.cancelled() || (is_a_consequence(thrown) && collective::soon_cancelled(host)))
    return sdk::Outcome::kCancelled;
  return collective::report(
      host, gloo_error(thrown, fmt::format("rank {}, {}", host.rank(), collective::name_of(collective_))));
}

sdk::Outcome CollectiveProbe::open(sdk::Host& host) {
  try {
    if (const Result<void> prepared = prepare(host); !prepared)
      return collective::report(host, prepared.error());
  } catch (const std::exception& thrown) {
    return ended_by(host, thrown);
  }
  if (host.hosts() < 2) host.raise_flag("loopback");
  const collective::Rotation plan = plan_arrays(settings_, host.rank());
  if (plan.touched_bytes <= last_level_cache_bytes()) host.raise_flag("cache-warm");
  host.sample("rotation_bytes", static_cast<double>(plan.touched_bytes));
  if (host.rank() == 0 && settings_.bytes() != settings_.size)
    host.log(MILLRACE_LOG_INFO,
             fmt::format("{} of {} bytes are moved: whole elements, as many for each of {} ranks",
                         settings_.bytes(), settings_.size, settings_.ranks));
  return sdk::Outcome::kOk;
}

// A stop falls on one iteration for all ranks, and so does the end of each batch: none gathers alone.
void CollectiveProbe::measure(const sdk::Host& host) {
  sdk::Recorder recorder;
  if (host.rank() == 0) recorder = host.recorder();
  const std::uint64_t bytes = settings_.bytes();
  std::vector<Interval> mine;
  mine.reserve(kMostInBatch);
  std::uint64_t iteration = 0;
  std::uint64_t batch = 1;
  bool stopped = false;
  for (int batches = 0; !stopped; ++batches) {
    mine.clear();
    const std::uint64_t end = iteration + batch;
    while (iteration < end && !stopped) {
      const std::uint64_t until = std::min(host.continue_until(iteration), end);
      stopped = until == iteration;
      for (; iteration < until; ++iteration) {
        const std::int64_t begin_ns = host.now_ns();
        calls_[iteration % calls_.size()]();
        const std::int64_t end_ns = host.now_ns();
        mine.push_back({begin_ns, end_ns, begin_ns});
        if (recorder) recorder.done(end_ns, bytes);
      }
    }
    if (mine.empty()) break;
    const std::vector<Interval> all = gathered(context_, mine);
    const BatchTimes times =
        collective::over_ranks(all, static_cast<std::size_t>(settings_.ranks), mine.size(), host.hosts() < 2);
    if (recorder) collective::record_latencies(recorder, times);
    if (batches >= collective::kUnsettled) collective::report_batch(host, settings_, times, mine);
    batch = collective::next_batch(batch, times, kMostInBatch);
  }
}

sdk::Outcome CollectiveProbe::run(sdk::Host& host) {
  try {
    measure(host);
  } catch (const std::exception& thrown) {
    return ended_by(host, thrown);
  }
  return sdk::Outcome::kOk;
}

}  // namespace millrace::gloo
