// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

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
constexpr std::int64_t kBatch_ns =
    50'000'000;  // between looks at all ranks' times: seldom enough to cost nothing
constexpr std::size_t kSamplesOfBatch = 16;
constexpr int kUnsettled = 2;  // batches at first of which the probe's own figures are not taken

double seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// The same on every rank, since it follows from what all of them gathered.
std::uint64_t next_batch(std::uint64_t before, const BatchTimes& times) {
  const auto count = static_cast<std::int64_t>(times.iterations.size());
  const std::int64_t pace = std::max<std::int64_t>(times.slowest_ns / std::max<std::int64_t>(count, 1), 1);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(kBatch_ns / pace), 1,
                                   std::min(4 * before, kMostInBatch));
}

}  // namespace

sdk::Outcome CollectiveProbe::describe_it(const sdk::Host& host, collective::Collective collective) {
  const Result<Settings> settings = settings_from(host, collective);
  if (!settings) return report(host, settings.error());
  if (const Result<void> fine = try_address(host); !fine) return report(host, fine.error());
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
  if (host.cancelled() || (is_a_consequence(thrown) && soon_cancelled(host))) return sdk::Outcome::kCancelled;
  return report(
      host, gloo_error(thrown, fmt::format("rank {}, {}", host.rank(), collective::name_of(collective_))));
}

sdk::Outcome CollectiveProbe::open(sdk::Host& host) {
  try {
    if (const Result<void> prepared = prepare(host); !prepared) return report(host, prepared.error());
  } catch (const std::exception& thrown) {
    return ended_by(host, thrown);
  }
  if (host.hosts() < 2) host.raise_flag("loopback");
  const ArraysPlan plan = plan_arrays(settings_, host.rank());
  if (plan.touched_bytes <= last_level_cache_bytes()) host.raise_flag("cache-warm");
  host.sample("rotation_bytes", static_cast<double>(plan.touched_bytes));
  if (host.rank() == 0 && settings_.bytes() != settings_.size)
    host.log(MILLRACE_LOG_INFO,
             fmt::format("{} of {} bytes are moved: whole elements, as many for each of {} ranks",
                         settings_.bytes(), settings_.size, settings_.ranks));
  return sdk::Outcome::kOk;
}

void CollectiveProbe::say(const sdk::Host& host, sdk::Recorder& recorder, const BatchTimes& batch,
                          std::span<const Interval> mine, bool settled) {
  if (host.rank() == 0)
    for (const collective::IterationTimes& times : batch.iterations)
      recorder.latency(static_cast<std::uint64_t>(std::max<std::int64_t>(times.slowest_ns, 0)));
  if (!settled) return;
  const std::size_t count = mine.size();
  std::int64_t own_ns = 0;
  for (const Interval& interval : mine) own_ns += interval.end_ns - interval.begin_ns;
  host.sample("rank_time_s", seconds(own_ns) / static_cast<double>(count));
  if (host.rank() != 0 || batch.slowest_ns <= 0) return;
  const double algorithm = static_cast<double>(settings_.bytes() * count) / seconds(batch.slowest_ns);
  const auto ranks = static_cast<std::uint64_t>(settings_.ranks);
  const double bus = algorithm * collective::bus_factor(collective_, ranks);
  host.sample("algorithm_bytes_per_s", algorithm);
  host.sample("bus_bytes_per_s", bus);
  if (host.hosts() > 1)
    host.sample("wire_floor_bytes_per_s",
                collective::wire_rate_floor(bus, static_cast<std::uint64_t>(host.hosts()), ranks));
  for (std::size_t i = 0; i < count; i += std::max<std::size_t>(count / kSamplesOfBatch, 1)) {
    host.sample("arrival_skew_s", seconds(batch.iterations[i].arrival_skew_ns));
    host.counter(fmt::format("collective:rank{}_was_latest", batch.iterations[i].latest).c_str(), 1);
  }
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
        mine.push_back({begin_ns, end_ns});
        if (recorder) recorder.done(end_ns, bytes);
      }
    }
    if (mine.empty()) break;
    const std::vector<Interval> all = gathered(context_, mine);
    const BatchTimes times =
        collective::over_ranks(all, static_cast<std::size_t>(settings_.ranks), mine.size(), host.hosts() < 2);
    say(host, recorder, times, mine, batches >= kUnsettled);
    batch = next_batch(batch, times);
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
