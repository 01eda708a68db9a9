// SPDX-License-Identifier: Apache-2.0
#include "run/measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <span>
#include <string>

#include "run/assemble.hpp"
#include "run/system_counters.hpp"

namespace millrace::run {
namespace {

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

}  // namespace

Result<InstancePlan> plan_instance(const ProbeEntry& entry,
                                   const std::vector<std::pair<std::string, std::string>>& given,
                                   const topology::Machine& machine, Duration answer_time) {
  auto parameters = read_parameters(*entry.probe, given);
  if (!parameters) return tl::unexpected(parameters.error());
  auto described = describe(entry, *parameters, machine, answer_time);
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
                      std::move(described->hint)};
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
  std::vector<bool> given_up(plan.size());
  std::vector<record::Measurement> measurements(plan.size());
  const auto interrupted = [&] { return callbacks.interrupted && callbacks.interrupted(); };
  int rounds = 0;
  for (const Planned& planned : plan) rounds = std::max(rounds, planned.repeats);
  for (int round = 0; round < rounds && !interrupted(); ++round)
    for (std::size_t i = 0; i < plan.size() && !interrupted(); ++i) {
      const Planned& planned = plan[i];
      if (round >= planned.repeats || given_up[i]) continue;
      Temporaries temporaries;  // of one repeat
      const Progress progress{callbacks, temporaries};
      const std::string what = planned.label.empty()
                                   ? planned.plan.entry.probe->name
                                   : fmt::format("{} ({})", planned.plan.entry.probe->name, planned.label);
      const auto before = read_system_counters();
      RepeatOutcome repeat;
      if (planned.plan.status == "ok") {
        auto group = launch(std::span(&planned.plan, 1), memories, machine.host, planned.options,
                            progress.for_launch(what));
        repeat = {std::move(group.front()), growth(before, read_system_counters())};
      } else {
        repeat.outcome.status = planned.plan.status;
        repeat.outcome.reason = planned.plan.reason;
        repeat.outcome.hint = planned.plan.hint;
      }
      // A repeat that the user cut short is no repeat, unless it is all there is.
      if (repeat.outcome.status == "cancelled" && !outcomes[i].empty()) break;
      // What cannot work here will not work at the next try.
      given_up[i] = repeat.outcome.status != "ok";
      outcomes[i].push_back(std::move(repeat));
      measurements[i] = assemble(planned.id, planned.label, planned.plan, machine, outcomes[i]);
      if (callbacks.measured)
        callbacks.measured(measurements[i], given_up[i] || round + 1 == planned.repeats);
    }
  std::vector<record::Measurement> done;
  for (std::size_t i = 0; i < plan.size(); ++i)
    if (!outcomes[i].empty()) done.push_back(std::move(measurements[i]));
  return done;
}

}  // namespace millrace::run
