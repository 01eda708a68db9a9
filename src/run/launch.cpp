// SPDX-License-Identifier: Apache-2.0
#include "run/launch.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "run/instance.hpp"
#include "run/pinning.hpp"

namespace millrace::run {
namespace {

constexpr int kTick_ms = 10;
constexpr std::int64_t kStartLead_ns = 2'000'000;      // all workers are awake by then
constexpr std::int64_t kTermGrace_ns = 2'000'000'000;  // between SIGTERM and SIGKILL

constexpr int kMostKills = 15;  // as far apart as the grace

// Once one has failed: for it to give back what it holds, and for the rest of its group.
constexpr std::int64_t kFailedGrace_ns = 5'000'000'000;

using Instances = std::vector<std::unique_ptr<Instance>>;

void wait_for_news(const Instances& instances) {
  std::vector<pollfd> waiting;
  for (const auto& instance : instances) instance->append_poll(waiting);
  // A worker that is gone keeps its descriptors readable until they are drained; tick does.
  poll(waiting.data(), waiting.size(), kTick_ms);
}

void tick(const Instances& instances) {
  wait_for_news(instances);
  for (const auto& instance : instances) instance->tick();
}

bool any_failed(const Instances& instances) {
  return std::any_of(instances.begin(), instances.end(),
                     [](const auto& instance) { return instance->has_failed(); });
}

// One that was told to stop by another host, before it began.
bool any_stopping(const Instances& instances) {
  return std::any_of(instances.begin(), instances.end(),
                     [](const auto& instance) { return instance->is_stopping(); });
}

bool all_gone(const Instances& instances) {
  return std::all_of(instances.begin(), instances.end(),
                     [](const auto& instance) { return instance->all_gone(); });
}

bool all_stopping(const Instances& instances) {
  return std::all_of(instances.begin(), instances.end(),
                     [](const auto& instance) { return instance->is_stopping() || instance->all_gone(); });
}

void stop_all(const Instances& instances, const std::string& reason) {
  for (const auto& instance : instances) instance->stop(reason);
}

// Waits until all have ended by themselves; whoever has not by the deadline is ended: SIGTERM, two seconds,
// SIGKILL. Whom the kernel holds even then, at the same place two and four seconds later, is left behind, and
// so is whoever else is there half a minute later.
void end_all(const Instances& instances, std::int64_t deadline, const LaunchCallbacks& callbacks,
             const char* doing) {
  bool asked = false;
  int kills = 0;
  for (std::int64_t kill_at = 0;;) {
    tick(instances);
    if (all_gone(instances)) return;
    const std::int64_t now = monotonic_ns();
    if (!asked && callbacks.interrupted && callbacks.interrupted())
      deadline = std::min(deadline, now + kTermGrace_ns);
    if (!asked && now > deadline) {
      asked = true;
      kill_at = now + kTermGrace_ns;
      for (const auto& instance : instances) {
        if (instance->own_gone()) continue;
        instance->fail(fmt::format("it did not end {} by its deadline ({}) and was ended", doing,
                                   instance->silent_for()),
                       "a driver or device that hangs; `-v` shows what the worker logged; --deadline gives "
                       "it more time");
        instance->end_workers(SIGTERM);
      }
    } else if (asked && now > kill_at) {
      for (const auto& instance : instances) {
        if (kills > 0) instance->leave_stuck_workers(kills > kMostKills);
        instance->end_workers(SIGKILL);
      }
      ++kills;
      kill_at = now + kTermGrace_ns;
    }
  }
}

// Whose set-up is late: this host's, or, a while later since it has its own word first, that of another one.
std::string what_is_late(const Instance& instance, std::int64_t late_ns) {
  if (!instance.own_ready()) return late_ns > 0 ? "it was" : "";
  return late_ns > kFailedGrace_ns && !instance.all_ready() ? "another host was" : "";
}

// True once all workers of all instances are ready to begin.
bool wait_until_ready(const Instances& instances, const LaunchOptions& options,
                      const LaunchCallbacks& callbacks) {
  const std::int64_t deadline = monotonic_ns() + options.deadline.ns;
  for (;;) {
    tick(instances);
    if (any_failed(instances) || any_stopping(instances)) return false;
    if (std::all_of(instances.begin(), instances.end(), [](const auto& i) { return i->all_ready(); }))
      return true;
    if (callbacks.interrupted && callbacks.interrupted()) {
      stop_all(instances, "cancelled");
      return false;
    }
    const std::int64_t late_ns = monotonic_ns() - deadline;
    bool late = false;
    for (const auto& instance : instances) {
      const std::string what = what_is_late(*instance, late_ns);
      if (what.empty()) continue;
      late = true;
      instance->fail(fmt::format("{} not set up within {} and was ended", what, to_text(options.deadline)),
                     "a driver or device that hangs, or a slow disk: --deadline gives it more time");
    }
    if (!late) continue;
    for (const auto& instance : instances) instance->end_workers(SIGTERM);
    return false;
  }
}

void watch_run(const Instances& instances, const LaunchOptions& options, const LaunchCallbacks& callbacks) {
  const std::int64_t begin = monotonic_ns();
  while (!all_stopping(instances)) {
    tick(instances);
    if (callbacks.interrupted && callbacks.interrupted()) stop_all(instances, "cancelled");
    // Together is the condition of the measurement: when one ends, the others' condition is over.
    if (any_failed(instances)) stop_all(instances, "cancelled");
    if (callbacks.progress) {
      double rate = 0;
      for (const auto& instance : instances) rate += instance->rate_now();
      callbacks.progress(Duration{std::min(monotonic_ns() - begin, options.time_limit.ns)}, rate);
    }
  }
}

std::vector<WorkerPlan> all_workers(std::span<const InstancePlan> group) {
  std::vector<WorkerPlan> workers;
  for (const InstancePlan& plan : group)
    workers.insert(workers.end(), plan.workers.begin(), plan.workers.end());
  return workers;
}

}  // namespace

std::vector<InstanceOutcome> launch(std::span<const InstancePlan> group,
                                    const std::vector<MemoryModule>& memories,
                                    const topology::HostFacts& host, const LaunchOptions& options,
                                    const LaunchCallbacks& callbacks) {
  const auto cpus = assign_cpus(all_workers(group), host, allowed_cpus());
  // A group stops together: its members' means are of one condition, so none may leave it early.
  LaunchOptions each = options;
  if (group.size() > 1) each.target = 0;
  Instances instances;
  bool started = true;
  auto next = cpus.begin();
  for (const InstancePlan& plan : group) {
    const auto end = next + static_cast<std::ptrdiff_t>(plan.workers.size());
    instances.push_back(std::make_unique<Instance>(plan, each, callbacks));
    started = started && instances.back()->start(memories, {next, end});
    next = end;
  }
  const char* doing = "setting up";
  if (started && wait_until_ready(instances, options, callbacks)) {
    std::int64_t begin = monotonic_ns() + kStartLead_ns;
    for (const auto& instance : instances) begin = std::max(begin, instance->agree_on_begin());
    for (const auto& instance : instances) instance->release(begin);
    watch_run(instances, options, callbacks);
    doing = "after the measuring";
  }
  const bool failed =
      any_failed(instances) || std::any_of(instances.begin(), instances.end(),
                                           [](const auto& i) { return i->is_cut_short_by_another_host(); });
  stop_all(instances, failed ? "cancelled" : "");
  end_all(instances,
          monotonic_ns() + (failed ? std::min(options.deadline.ns, kFailedGrace_ns) : options.deadline.ns),
          callbacks, doing);
  std::vector<InstanceOutcome> outcomes;
  for (const auto& instance : instances) outcomes.push_back(instance->finish());
  return outcomes;
}

}  // namespace millrace::run
