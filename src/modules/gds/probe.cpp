// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/probe.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "modules/cuda/failure.hpp"
#include "modules/gds/plan.hpp"
#include "modules/gds/worker.hpp"
#include "modules/storage/clock.hpp"
#include "modules/storage/system_failure.hpp"

namespace millrace::gds {
namespace {

using storage::Direction;

std::uint64_t fresh_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<std::uint64_t>(storage::now_ns());
  return seed;
}

// All lanes, each in a thread; the first error of any.
Result<void> run_lanes(const sdk::Host& host, Worker& worker) {
  std::atomic<bool> failed{false};
  std::vector<Result<void>> ended(worker.lanes.size());
  const auto stopped = [&] { return host.cancelled() || failed.load(std::memory_order_relaxed); };
  const auto run_one = [&](std::size_t i) {
    ended[i] = worker.context.make_current();
    sdk::Recorder recorder = host.recorder();
    if (!recorder)
      ended[i] = failure("no recorder is left for a thread", "lower --threads or --queue-depth");
    else if (ended[i])
      ended[i] = worker.lanes[i].run(recorder, stopped);
    if (!ended[i]) failed = true;
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < worker.lanes.size(); ++i) others.emplace_back([&, i] { run_one(i); });
    run_one(0);
  }
  for (Result<void>& one : ended)
    if (!one) return std::move(one);
  return {};
}

void count(const sdk::Host& host, const std::optional<cufile::PathCounts>& before,
           const std::optional<cufile::PathCounts>& after) {
  if (!before || !after) return;
  const auto more = [&](const char* name, std::uint64_t from, std::uint64_t to) {
    host.counter(name, static_cast<double>(to - from));
  };
  more("cufile:p2p_operations", before->peer_to_peer, after->peer_to_peer);
  more("cufile:nvidia_fs_operations", before->nvidia_fs, after->nvidia_fs);
  more("cufile:posix_operations", before->posix, after->posix);
  more("cufile:unaligned_operations", before->unaligned, after->unaligned);
}

// In compatibility mode cuFile may go through the page cache although the file is open with O_DIRECT: its
// batches do (seen with 1.15.1: 19 GB/s of a drive of 3). What lies there now and did not before, went
// through it.
void tell_of_cache(const sdk::Host& host, const Worker& worker) {
  constexpr double kMost = 0.1;
  const double now = worker.cached_now();
  if (std::max(worker.cached_before, now) <= kMost) return;
  host.raise_flag("cache-not-bypassed");
  host.log(
      MILLRACE_LOG_WARNING,
      fmt::format(
          "{:.0f} % of the files lie in the page cache ({:.0f} % before): the rate is memory's as much as "
          "the drive's",
          100 * now, 100 * worker.cached_before));
}

// The path is flagged in any case: what nobody says cannot be missed.
void prove_path(const sdk::Host& host, const Worker& worker, const cufile::Counters& before,
                Direction direction) {
  const cufile::Counters after = cufile::count_now(worker.gpu);
  std::uint64_t operations = 0;
  for (const Lane& lane : worker.lanes) operations += lane.operations();
  const bool reads = direction == Direction::kRead;
  const auto verdict =
      cufile::judge(before, after, reads ? cufile::Kind::kReads : cufile::Kind::kWrites, operations);
  host.raise_flag(cufile::flag_of(verdict.path));
  host.log(MILLRACE_LOG_INFO, fmt::format("{}: {} ({})", cufile::flag_of(verdict.path), verdict.evidence,
                                          worker.driver->text()));
  if (verdict.path != cufile::DirectPath::kDirect) tell_of_cache(host, worker);
  count(host, reads ? before.reads : before.writes, reads ? after.reads : after.writes);
}

Result<void> make_durable(const sdk::Host& host, const Worker& worker) {
  const std::int64_t begin = storage::now_ns();
  for (const storage::Target& target : worker.targets)
    if (fsync(target.fd.get()) != 0)
      return storage::system_failure(errno, "make " + target.name + " durable");
  host.sample("fsync_s", static_cast<double>(storage::now_ns() - begin) * 1e-9);
  return {};
}

}  // namespace

GdsProbe::GdsProbe(Direction direction) : direction_(direction) {}
GdsProbe::~GdsProbe() = default;

sdk::Outcome GdsProbe::describe(sdk::Host& host, Direction direction) {
  const auto settings = settings_from(host, direction, 0);
  if (!settings) return cuda::report(host, settings.error());
  return plan_workers(host, *settings);
}

sdk::Outcome GdsProbe::open(sdk::Host& host) {
  auto settings = settings_from(host, direction_, fresh_seed());
  if (!settings) return cuda::report(host, settings.error());
  settings_ = std::move(*settings);
  auto worker = Worker::make(host, settings_);
  if (!worker) return cuda::report(host, worker.error());
  worker_ = std::move(*worker);
  return sdk::Outcome::kOk;
}

sdk::Outcome GdsProbe::run(sdk::Host& host) {
  const cufile::Counters before = cufile::count_now(worker_->gpu);
  const Result<void> ran = run_lanes(host, *worker_);
  for (const Lane& lane : worker_->lanes)
    if (lane.stuck()) {
      // Whatever is given back would wait for what never ends, or be written to after it is freed.
      for (Lane& each : worker_->lanes) each.abandon();
      worker_->context.abandon();
      static_cast<void>(worker_.release());
      return cuda::report(host, ran.error());
    }
  if (!ran) return cuda::report(host, ran.error());
  prove_path(host, *worker_, before, direction_);
  if (settings_.storage.fsync_end)
    if (const auto durable = make_durable(host, *worker_); !durable)
      return cuda::report(host, durable.error());
  if (!settings_.storage.verify) return sdk::Outcome::kOk;
  if (direction_ == Direction::kWrite)
    if (const auto right = worker_->written->read_back(worker_->targets); !right)
      return cuda::report(host, right.error());
  host.verified(true);
  return sdk::Outcome::kOk;
}

sdk::Outcome GdsProbe::close(sdk::Host&) {
  worker_.reset();
  return sdk::Outcome::kOk;
}

}  // namespace millrace::gds
