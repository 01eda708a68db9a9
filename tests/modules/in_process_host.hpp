// SPDX-License-Identifier: Apache-2.0
// A millrace_host inside the test's own process: drives one probe of one module through describe, open, run
// and close, and keeps everything that it said. For tests of modules, where the worker processes, the pinning
// and the statistics of the core do not matter. It has one rank.
//
//   InProcessHost host(module_file("storage"));
//   Measured m = host.measure("storage.read", {{"path", file}, {"block-size", "4KiB"}}, 200ms);
//   EXPECT_EQ(m.run, MILLRACE_OK) << m.what;
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "millrace/module_abi.h"

namespace millrace::testing {

// Where the build put a module: MILLRACE_BUILD/lib/millrace/modules/<name>.so.
std::filesystem::path module_file(const std::string& name);

struct MeasuredWorker {
  std::string role, from, to;
  int numa_node = -1;
  std::uint32_t threads = 1;
  std::uint64_t memory_bytes = 0, locked_bytes = 0;
};

struct MeasuredStage {
  std::string name, resource;
  std::uint32_t threads = 0;
  double wall_s = 0, busy_s = 0, blocked_on_input_s = 0, blocked_on_output_s = 0, cpu_s = 0;
  std::uint64_t bytes = 0;
  double output_queue_fill = -1;
};

// All that a probe said and recorded.
struct Measured {
  // Outcomes (MILLRACE_OK …); empty: not called because an earlier one was not OK.
  std::optional<std::int32_t> describe, open, run, close;
  std::string what, hint;  // of the first fail()
  double run_s = 0;        // wall time of run
  std::uint64_t bytes = 0, operations = 0;
  std::uint64_t latencies = 0;  // operations in the histogram
  std::uint64_t latency_min_ns = 0, latency_max_ns = 0;
  std::vector<std::uint64_t> histogram;  // MILLRACE_LATENCY_BUCKETS counters, all threads together
  std::uint64_t publishes = 0;           // slices that the threads handed over
  std::vector<MeasuredWorker> workers;
  std::vector<std::string> temporaries, flags, log;
  std::map<std::string, std::vector<double>> samples;
  std::map<std::string, double> counters;
  std::map<std::string, std::string> resolved;
  std::vector<MeasuredStage> stages;
  std::optional<bool> verified;
  std::string device;  // what ends_on said last

  [[nodiscard]] bool ok() const { return close == MILLRACE_OK && run == MILLRACE_OK; }
  // The latency, in nanoseconds, below which a share q of the operations were: its bucket's floor.
  [[nodiscard]] std::uint64_t latency_quantile_ns(double q) const;
  [[nodiscard]] bool has_flag(const std::string& flag) const;
};

class InProcessHost {
 public:
  using Parameters = std::map<std::string, std::string>;

  // Loads the module; aborts the test with dlopen's reason when that fails.
  explicit InProcessHost(const std::filesystem::path& module);
  ~InProcessHost();
  InProcessHost(const InProcessHost&) = delete;
  InProcessHost& operator=(const InProcessHost&) = delete;

  // A further module whose memories host->memory(name) finds (the probe's own module is searched first).
  void add_memories(const std::filesystem::path& module);
  // Runs in another thread while run is going on, e.g. to break what the probe works on.
  void meanwhile(std::function<void()> action) { meanwhile_ = std::move(action); }
  // Between open and run.
  void when_opened(std::function<void()> action) { when_opened_ = std::move(action); }

  // Parameters as a person types them; those left out have their defaults. The run is cancelled after `time`;
  // a probe that ends by itself ends sooner. An unknown probe or parameter throws std::invalid_argument.
  Measured measure(const std::string& probe, const Parameters& parameters, std::chrono::milliseconds time);
  // describe alone.
  Measured describe(const std::string& probe, const Parameters& parameters);
  [[nodiscard]] const millrace_probe& probe(const std::string& name) const;

 private:
  struct ThreadRecorder;
  struct OpenedMemory;

  static InProcessHost& self(void* context) { return *static_cast<InProcessHost*>(context); }
  millrace_host table();
  void set_parameters(const millrace_probe& probe, const Parameters& given);
  void collect();

  const millrace_probe_module* module_ = nullptr;
  std::vector<const millrace_memory_module*> memory_modules_;
  std::function<void()> meanwhile_, when_opened_;

  // of the measurement going on
  std::mutex mutex_;
  Measured measured_;
  std::map<std::string, std::string> parameters_;  // canonical text
  std::string located_id_, located_device_;
  millrace_endpoint located_{};
  millrace_worker worker_{};
  std::atomic<bool> cancelled_{false};
  std::vector<std::unique_ptr<ThreadRecorder>> recorders_;
  std::vector<std::unique_ptr<OpenedMemory>> memories_;
  millrace_host host_{};
};

}  // namespace millrace::testing
