// SPDX-License-Identifier: Apache-2.0
#include "run/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "run/assemble.hpp"
#include "run/cpu_contention.hpp"
#include "run/gpu_watch.hpp"
#include "run/system_counters.hpp"

namespace millrace::run {
namespace {

// Where a worker was left behind, its files may well be on what it hangs in.
constexpr Duration kWhereOneHangs{2'000'000'000};

// proc(5): MemAvailable is what can be had without swapping. 0: unknown.
std::uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string label;
  std::uint64_t kib = 0;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:")) {
      kib = std::stoull(line.substr(line.find(':') + 1));
      break;
    }
  return kib * 1024;
}

struct Progress {
  const MeasureCallbacks& callbacks;
  Temporaries& temporaries;

  [[nodiscard]] LaunchCallbacks for_launch(const std::string& doing) const {
    LaunchCallbacks launch;
    launch.temporary = [this](const std::string& path) -> std::string {
      if (auto added = temporaries.add(path); !added) return added.error().what;
      if (callbacks.temporary_added)
        if (auto noted = callbacks.temporary_added(path); !noted) return noted.error().what;
      return {};
    };
    launch.log = callbacks.log;
    launch.interrupted = callbacks.interrupted;
    if (callbacks.progress)
      launch.progress = [this, doing](Duration elapsed, double rate) {
        callbacks.progress(doing, elapsed, rate);
      };
    return launch;
  }
};

// Measurements that run together, in order of the plan; most are alone.
struct Group {
  std::size_t first = 0, count = 1;
  bool given_up = false;
};

std::vector<Group> groups_of(const std::vector<Planned>& plan) {
  std::vector<Group> groups;
  for (std::size_t i = 0; i < plan.size(); ++i)
    if (i > 0 && plan[i].together != 0 && plan[i].together == plan[i - 1].together)
      ++groups.back().count;
    else
      groups.push_back({i, 1, false});
  return groups;
}

std::string doing(const Planned& planned, std::size_t count) {
  std::string what = planned.plan.entry.probe->name;
  if (!planned.label.empty()) what += fmt::format(" ({})", planned.label);
  return count > 1 ? fmt::format("{} and {} more together", what, count - 1) : what;
}

// In which all of them ran; nothing where one did not.
std::optional<std::pair<std::int64_t, std::int64_t>> common_window(const std::vector<RepeatOutcome>& group) {
  std::int64_t begin = 0;
  std::int64_t end = INT64_MAX;
  for (const RepeatOutcome& member : group) {
    begin = std::max(begin, member.outcome.begin_ns);
    end = std::min(end, member.outcome.end_ns);
  }
  if (group.size() < 2 || begin >= end) return std::nullopt;
  return std::pair(begin, end);
}

// One repeat of a group.
std::vector<RepeatOutcome> go(std::span<const Planned> group, const std::vector<MemoryModule>& memories,
                              const topology::Machine& machine, GpuWatch& watch,
                              const LaunchCallbacks& callbacks) {
  std::vector<RepeatOutcome> repeats(group.size());
  const auto broken = std::find_if(group.begin(), group.end(),
                                   [](const Planned& planned) { return planned.plan.status != "ok"; });
  if (broken != group.end()) {
    // Together is the condition: without one there is no measurement of the others.
    for (std::size_t i = 0; i < group.size(); ++i) {
      const InstancePlan& plan = group[i].plan.status != "ok" ? group[i].plan : broken->plan;
      repeats[i].outcome.status = plan.status;
      repeats[i].outcome.reason = plan.reason;
      repeats[i].outcome.hint = plan.hint;
    }
    return repeats;
  }
  std::vector<InstancePlan> plans;
  for (const Planned& planned : group) plans.push_back(planned.plan);
  watch.begin(plans);
  const auto before = read_system_counters();
  auto outcomes = launch(plans, memories, machine.host, group.front().options, callbacks);
  const auto counted = growth(before, read_system_counters());
  const GpuReadings readings = watch.end();
  if (!readings.problem.empty() && callbacks.log)
    callbacks.log(2, fmt::format("the GPUs are not watched any more: {}", readings.problem));
  for (std::size_t i = 0; i < group.size(); ++i)
    repeats[i] = {std::move(outcomes[i]), counted, {}, readings_of(readings, plans[i])};
  const auto window = common_window(repeats);
  const auto failed = std::find_if(repeats.begin(), repeats.end(), [](const RepeatOutcome& repeat) {
    return repeat.outcome.status == "failed";
  });
  for (RepeatOutcome& repeat : repeats) {
    repeat.window_ns = window;
    if (repeat.outcome.status == "cancelled" && failed != repeats.end())
      repeat.outcome.reason = fmt::format("what ran beside it failed: {}", failed->outcome.reason);
  }
  return repeats;
}

}  // namespace

Result<InstancePlan> plan_instance(const ProbeEntry& entry,
                                   const std::vector<std::pair<std::string, std::string>>& given,
                                   const topology::Machine& machine, Duration answer_time,
                                   const HostGroup& hosts) {
  auto parameters = read_parameters(*entry.probe, given);
  if (!parameters) return tl::unexpected(parameters.error());
  auto described = describe(entry, *parameters, machine, answer_time, hosts);
  if (!described) return tl::unexpected(described.error());
  std::uint64_t needed = 0;
  for (const WorkerPlan& worker : described->workers) needed += worker.memory_bytes;
  if (const std::uint64_t free = available_memory(); free > 0 && needed > free)
    return failure(fmt::format("{} needs {} of memory, {} are free", entry.probe->name, to_binary({needed}),
                               to_binary({free})),
                   "fewer threads, a lower depth or smaller buffers need less");
  return InstancePlan{entry,
                      std::move(*parameters),
                      std::move(described->workers),
                      std::move(described->status),
                      std::move(described->reason),
                      std::move(described->hint),
                      hosts,
                      0,
                      0,
                      {},
                      nullptr};
}

std::vector<MemoryModule> memories_of(const Catalog& catalog) {
  std::vector<MemoryModule> memories;
  for (const ModuleInfo& module : catalog.modules)
    if (module.has_memory && module.state == "ready") memories.push_back({module.memory_name, module.file});
  return memories;
}

std::vector<record::Measurement> measure(const std::vector<Planned>& plan,
                                         const std::vector<MemoryModule>& memories,
                                         const topology::Machine& machine,
                                         const MeasureCallbacks& callbacks) {
  std::vector<std::vector<RepeatOutcome>> outcomes(plan.size());
  std::vector<record::Measurement> measurements(plan.size());
  std::vector<Group> groups = groups_of(plan);
  const auto interrupted = [&] { return callbacks.interrupted && callbacks.interrupted(); };
  GpuWatch watch(machine);
  int rounds = 0;
  for (const Group& group : groups) rounds = std::max(rounds, plan[group.first].repeats);
  for (int round = 0; round < rounds && !interrupted(); ++round)
    for (Group& group : groups) {
      const Planned& first = plan[group.first];
      if (interrupted()) break;
      if (round >= first.repeats || group.given_up) continue;
      Temporaries temporaries;  // of one repeat
      const Progress progress{callbacks, temporaries};
      auto repeats = go(std::span(plan).subspan(group.first, group.count), memories, machine, watch,
                        progress.for_launch(doing(first, group.count)));
      // A repeat that the user cut short is no repeat, unless it is all there is.
      const bool cut_short = std::any_of(repeats.begin(), repeats.end(), [](const RepeatOutcome& repeat) {
        return repeat.outcome.status == "cancelled";
      });
      if (interrupted() && cut_short && !outcomes[group.first].empty()) break;
      const bool left_behind = std::any_of(repeats.begin(), repeats.end(), [](const RepeatOutcome& repeat) {
        return repeat.outcome.left_behind;
      });
      if (auto removed = temporaries.remove_all(left_behind ? kWhereOneHangs : Temporaries::kRemovalTime);
          !removed && callbacks.log)
        callbacks.log(2, removed.error().what);
      for (std::size_t i = group.first; i < group.first + group.count; ++i) {
        RepeatOutcome& repeat = repeats[i - group.first];
        // What cannot work here will not work at the next try.
        group.given_up = group.given_up || repeat.outcome.status != "ok";
        outcomes[i].push_back(std::move(repeat));
        measurements[i] = assemble(plan[i].id, plan[i].label, plan[i].plan, machine, outcomes[i]);
        if (others_took_cpus(measurements[i], machine.host.cpu.threads))
          measurements[i].flags.emplace_back(kCpuContended);
        for (std::size_t other = group.first; other < group.first + group.count; ++other)
          if (other != i) measurements[i].concurrent_with.push_back(plan[other].id);
      }
      for (std::size_t i = group.first; callbacks.measured && i < group.first + group.count; ++i)
        callbacks.measured(measurements[i], group.given_up || round + 1 == first.repeats);
    }
  std::vector<record::Measurement> done;
  for (std::size_t i = 0; i < plan.size(); ++i)
    if (!outcomes[i].empty()) done.push_back(std::move(measurements[i]));
  return done;
}

}  // namespace millrace::run
