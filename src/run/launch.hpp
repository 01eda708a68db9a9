// SPDX-License-Identifier: Apache-2.0
// One go at a group of measurements that run together: starts their workers, releases them at one moment,
// watches, stops them, and brings back what they recorded. A group of one is a measurement alone.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "run/catalog.hpp"
#include "run/describe.hpp"
#include "run/other_hosts.hpp"
#include "run/parameters.hpp"
#include "run/shared_state.hpp"
#include "run/worker_spec.hpp"
#include "stats/latency_histogram.hpp"
#include "stats/slices.hpp"
#include "topology/discover.hpp"
#include "units/quantity.hpp"

namespace millrace::run {

struct LaunchOptions {
  Duration time_limit{5'000'000'000};  // of measuring
  double target = 0.05;                // stop when the mean's 95 % interval is within ± this share; 0: never
  Duration deadline{60'000'000'000};   // for setting up, and again for ending, beyond the time limit
  std::uint64_t spare_memory_bytes = 1ULL
                                     << 30;  // a worker that takes that much more than it declared is ended
};

// What a worker needs from the core, and what the core shows meanwhile. All are called on the launching
// thread.
struct LaunchCallbacks {
  std::function<std::string(const std::string& path)> temporary;  // "": go on; else why not
  std::function<void(int level, const std::string& line)> log;
  std::function<void(Duration elapsed, double bytes_per_s)> progress;
  std::function<bool()> interrupted;
};

struct RemoteWorker {
  int host = 0;
  WorkerPlan plan;  // with endpoints as the document has them: "host1/nic:eth0"
};

struct InstancePlan {
  ProbeEntry entry;
  Parameters parameters;
  std::vector<WorkerPlan> workers;  // of this host
  // Not "ok": the probe could not say what it needs ("failed") or is unavailable here ("skipped"); it is not
  // started.
  std::string status = "ok", reason, hint;
  // Of a measurement over several hosts: which of them this is, its first worker's rank of how many, who runs
  // on the others (on the host that asked: in order of rank, after this host's), and the way to them.
  HostGroup hosts;
  int first_rank = 0, ranks = 0;  // 0 ranks: this host's workers are all
  std::vector<RemoteWorker> elsewhere;
  OtherHosts* others = nullptr;
};

struct WorkerOutcome {
  WorkerReport report;
  std::int64_t begin_ns = 0, end_ns = 0;          // of run; 0: it never ran
  std::vector<std::vector<stats::Slice>> slices;  // per thread
  std::vector<stats::LatencyHistogram> latency;   // per epoch, threads merged
  std::uint64_t bytes = 0, operations = 0;        // totals of run
};

struct InstanceOutcome {
  std::string status = "ok";  // "ok" | "failed" | "skipped" | "cancelled"
  std::string reason, hint;
  std::string stop_reason;                // "converged" | "time limit" | "completed" | "cancelled"
  std::int64_t begin_ns = 0, end_ns = 0;  // when its first worker began and its last one ended run
  std::int64_t epoch_ns = 0, slice_period_ns = 0;
  std::vector<WorkerOutcome> workers;
  std::map<std::string, double> counters;  // what other hosts' kernels counted: "host1/psi:io:full_s"
  std::int64_t clock_error_ns = 0;         // ± of other hosts' times
  bool left_behind = false;                // a worker is still there: the kernel holds it
};

// How long a slice is: at least 1,000 fit the first fifth of the time, none shorter than a millisecond.
std::int64_t slice_period(Duration time_limit);

// Never fails as a whole: what went wrong stands in each outcome. All workers are gone when it returns,
// but for those that were left behind.
std::vector<InstanceOutcome> launch(std::span<const InstancePlan> group,
                                    const std::vector<MemoryModule>& memories,
                                    const topology::HostFacts& host, const LaunchOptions& options,
                                    const LaunchCallbacks& callbacks);

}  // namespace millrace::run
