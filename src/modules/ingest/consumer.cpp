// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/consumer.hpp"

#include <chrono>
#include <numeric>

namespace millrace::ingest {
namespace {

using sdk::Outcome;

constexpr std::chrono::milliseconds kLook(20);             // how often a consumer that waits looks up
constexpr std::int64_t kBarrierTimeout = 600'000'000'000;  // of a step; who fails is known at once
constexpr double kOversleptShare = 0.02;                   // of the compute time: worth a flag

}  // namespace

// With nothing to do it still tells the recorder what time it is, so that slices in which nothing came are
// counted.
Consumer::Got Consumer::take(sdk::Host& host, sdk::Recorder& recorder, DeviceBatch& batch) {
  while (!plumbing_.ready.pop_for(batch, kLook, clock_.input_ns)) {
    if (plumbing_.ready.closed()) return Got::kEnded;
    if (host.cancelled()) return Got::kCancelled;
    recorder.done(host.now_ns(), 0, 0);
  }
  return Got::kBatch;
}

Outcome Consumer::run(sdk::Host& host) {
  clock_ = StageClock();
  sdk::Recorder recorder = host.recorder();
  if (!recorder) return host.fail("no recorder is left for the consumer");
  Outcome outcome = Outcome::kOk;
  std::uint64_t may_run = 0;
  std::int64_t before = host.now_ns();
  for (std::uint64_t step = 0; settings_.steps == 0 || step < settings_.steps; ++step) {
    if (step == may_run) may_run = host.continue_until(step);
    if (step == may_run) break;
    DeviceBatch batch;
    const Got got = take(host, recorder, batch);
    if (got == Got::kEnded) outcome = Outcome::kFailed;  // the stage that failed has said why
    if (got != Got::kBatch) break;
    std::int64_t took = 0;
    if (!memory_.busy_for(settings_.compute_ns, took)) {
      outcome = Outcome::kFailed;
      break;
    }
    const std::int64_t computed = host.now_ns();
    if (!plumbing_.free_batches.push(batch.data, clock_.output_ns)) {
      outcome = Outcome::kFailed;
      break;
    }
    outcome = host.ranks() > 1 ? host.step_barrier(kBarrierTimeout) : Outcome::kOk;
    if (outcome != Outcome::kOk) break;
    const std::int64_t now = host.now_ns();
    if (host.ranks() > 1) clock_.output_ns += now - computed;  // waiting for the slowest
    clock_.bytes += batch.stored_bytes;
    if (step > 0) recorder.latency(static_cast<std::uint64_t>(now - before));
    recorder.done(now, batch.stored_bytes, settings_.batch);
    steps_ns_.push_back(now - before);
    overslept_ns_.push_back(took - settings_.compute_ns);
    before = now;
  }
  times_ = clock_.stop();
  return outcome == Outcome::kCancelled ? Outcome::kOk : outcome;
}

void Consumer::report(sdk::Host& host) const {
  if (steps_ns_.size() < 2) {
    host.log(MILLRACE_LOG_WARNING,
             "fewer than two steps were finished: no step time and no utilization. Give it more "
             "time, or smaller batches");
    return;
  }
  std::int64_t total = 0, overslept = 0;
  for (std::size_t i = 1; i < steps_ns_.size(); ++i) {
    host.sample("step_s", static_cast<double>(steps_ns_[i]) * 1e-9);
    if (settings_.compute_ns > 0) host.sample("oversleep_s", static_cast<double>(overslept_ns_[i]) * 1e-9);
    total += steps_ns_[i];
    overslept += overslept_ns_[i];
  }
  const double asked = static_cast<double>(settings_.compute_ns) * static_cast<double>(steps_ns_.size() - 1);
  host.sample("accelerator_utilization_share", asked / static_cast<double>(total));
  if (asked > 0 && static_cast<double>(overslept) > kOversleptShare * asked) host.raise_flag("overslept");
}

}  // namespace millrace::ingest
