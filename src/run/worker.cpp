// SPDX-License-Identifier: Apache-2.0
#include "run/worker.hpp"

#include <fmt/format.h>
#include <numaif.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <vector>

#include "run/channel.hpp"
#include "run/module_loader.hpp"
#include "run/shared_state.hpp"
#include "run/worker_host.hpp"
#include "run/worker_spec.hpp"

namespace millrace::run {
namespace {

constexpr int kBarrierTime_ms = 600'000;  // the core ends a worker long before that

// Before anything is allocated, so that memory lands on the right node. Preferred, not bound: a full node
// must not kill the measurement.
void pin(const WorkerSpec& spec) {
  if (!spec.cpus.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : spec.cpus)
      if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
  }
  if (spec.plan.numa_node >= 0 && spec.plan.numa_node < 1024) {
    std::vector<unsigned long> mask(1024 / (8 * sizeof(unsigned long)));
    const auto node = static_cast<std::size_t>(spec.plan.numa_node);
    mask[node / (8 * sizeof(unsigned long))] |= 1UL << (node % (8 * sizeof(unsigned long)));
    set_mempolicy(MPOL_PREFERRED, mask.data(),
                  1024);  // fails on a kernel without NUMA: nothing to place then
  }
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

struct Usage {
  rusage at_start{};
  void start() { getrusage(RUSAGE_SELF, &at_start); }
  void finish(WorkerReport& report) const {
    rusage now{};
    getrusage(RUSAGE_SELF, &now);
    report.counters["worker:user_s"] = seconds(now.ru_utime) - seconds(at_start.ru_utime);
    report.counters["worker:system_s"] = seconds(now.ru_stime) - seconds(at_start.ru_stime);
    report.counters["worker:voluntary_switches"] = static_cast<double>(now.ru_nvcsw - at_start.ru_nvcsw);
    report.counters["worker:involuntary_switches"] = static_cast<double>(now.ru_nivcsw - at_start.ru_nivcsw);
    report.counters["worker:major_faults"] = static_cast<double>(now.ru_majflt - at_start.ru_majflt);
    report.counters["worker:peak_memory_bytes"] = static_cast<double>(now.ru_maxrss) * 1024;
  }
};

const millrace_probe* find_probe(const ModuleSymbols& module, const std::string& name) {
  if (module.probes == nullptr) return nullptr;
  for (std::uint32_t i = 0; i < module.probes->probe_count; ++i)
    if (name == module.probes->probes[i]->name) return module.probes->probes[i];
  return nullptr;
}

// All workers start at one moment: asleep until the core says when, then on the clock. Once it has said so
// each of them runs, though one that wakes late may find that it is over: the others count on it for what
// they agreed on.
bool wait_for_start(SharedState& state) {
  const std::int64_t deadline = monotonic_ns() + std::int64_t{kBarrierTime_ms} * 1'000'000;
  while (state.go.load(std::memory_order_acquire) == 0) {
    if (monotonic_ns() > deadline || state.stop.load() != 0) return false;
    futex_wait(state.go, 0, 100'000'000);
  }
  timespec begin{state.begin_ns / 1'000'000'000, state.begin_ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &begin, nullptr);
  return true;
}

// A module that throws across the interface breaks its contract; that costs this measurement.
template <typename Call>
std::int32_t call_module(const millrace_host* host, Call call) {
  const char* hint = "this is a bug of the module: nothing may be thrown across its interface";
  try {
    return call();
  } catch (const std::exception& error) {
    host->fail(host->context, fmt::format("it threw an exception: {}", error.what()).c_str(), hint);
  } catch (...) {
    host->fail(host->context, "it threw something that is no std::exception", hint);
  }
  return MILLRACE_FAILED;
}

// Before anything is given back: a device that fails may not let go of it soon, or ever.
void tell_failure(WorkerHost& host, Channel& channel, std::int32_t outcome, const std::string& phase) {
  if (outcome == MILLRACE_OK || outcome == MILLRACE_CANCELLED) return;
  WorkerReport failed = host.failure();
  if (failed.what.empty()) return;  // it may say why as it closes
  failed.outcome = outcome;
  failed.phase = phase;
  channel.send(MessageKind::kFailed, to_json(failed));
}

WorkerReport run_probe(const WorkerSpec& spec, SharedState& state, Channel& channel) {
  const auto module = open_module(spec.module);
  const millrace_probe* probe = module ? find_probe(*module, spec.probe) : nullptr;
  WorkerReport failed;
  if (probe == nullptr) {
    failed.outcome = MILLRACE_FAILED;
    failed.phase = "open";
    failed.what =
        module ? fmt::format("{} has no probe {}", spec.module.string(), spec.probe) : module.error().what;
    return failed;
  }
  WorkerHost host(spec, state, channel);
  Usage usage;
  void* self = nullptr;
  std::string phase = "open";
  std::int32_t outcome = call_module(host.raw(), [&] { return probe->open(host.raw(), &self); });
  WorkerReport measured;  // the usage of run alone
  if (outcome == MILLRACE_OK) {
    channel.send(MessageKind::kReady, "");
    const bool started = wait_for_start(state);
    if (started) {
      phase = "run";
      usage.start();
      host.start_run(monotonic_ns());
      outcome = call_module(host.raw(), [&] { return probe->run(host.raw(), self); });
      host.finish_run(monotonic_ns());
      usage.finish(measured);
    } else {
      outcome = MILLRACE_CANCELLED;
    }
    tell_failure(host, channel, outcome, phase);
    const std::int32_t closed = call_module(host.raw(), [&] { return probe->close(host.raw(), self); });
    if (outcome == MILLRACE_OK && closed != MILLRACE_OK) {
      phase = "close";
      outcome = closed;
    }
  } else {
    tell_failure(host, channel, outcome, phase);
  }
  host.close_memories();
  WorkerReport report = host.take_report();
  report.counters.merge(measured.counters);
  report.outcome = outcome;
  report.phase = phase;
  return report;
}

}  // namespace

int worker_main() {
  // The core may be killed at any time: then this process has no purpose.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "millrace-worker");
  std::signal(SIGINT, SIG_IGN);  // a terminal's Ctrl-C goes to the core, which stops its workers in order
  std::signal(SIGPIPE, SIG_IGN);
  Channel channel(kWorkerChannelFd);
  auto mapping = SharedMapping::attach(kWorkerStateFd);
  const auto message = channel.receive(10'000);
  if (!mapping || !message || message->kind != MessageKind::kSpec) return 1;
  WorkerReport report;
  try {
    const WorkerSpec spec = worker_spec_from_json(message->body);
    pin(spec);
    report = run_probe(spec, mapping->state(), channel);
  } catch (const std::exception& error) {
    report.outcome = MILLRACE_FAILED;
    report.what = error.what();
    report.hint = "this is a bug of Millrace: please report it";
  }
  return channel.send(MessageKind::kResult, to_json(report)) ? 0 : 1;
}

}  // namespace millrace::run
