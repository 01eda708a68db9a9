// SPDX-License-Identifier: Apache-2.0
// What the core tells a worker, and what the worker tells back; both cross the channel as JSON.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "record/result.hpp"
#include "run/describe.hpp"
#include "run/parameters.hpp"

namespace millrace::run {

struct MemoryModule {
  std::string name;  // "host", "gpu"
  std::filesystem::path file;
};

struct WorkerSpec {
  std::filesystem::path module;
  std::string probe;
  Parameters parameters;
  std::vector<MemoryModule> memories;
  WorkerPlan plan;
  int rank = 0, ranks = 1;  // of all hosts
  int block = 0;            // its own in the shared state of this host
  HostGroup hosts;
  std::vector<int> cpus;  // to pin to; empty: anywhere
};

struct WorkerReport {
  int outcome = 0;    // MILLRACE_OK …
  std::string phase;  // "open" | "run" | "close": where it failed
  std::string what, hint;
  std::map<std::string, std::vector<double>> samples;
  std::map<std::string, double>
      counters;  // with "worker:user_s", "worker:system_s", "worker:peak_memory_bytes", …
  std::vector<record::Stage> stages;
  std::vector<std::string> flags;
  std::map<std::string, std::string> resolved;  // what parameters came to that were not given
  int verified = -1;                            // -1: not said
  bool stand_in = false;                        // something that it used takes a GPU's place
  bool on_gpu = false;                          // its bytes ended in a GPU
};

std::string to_json(const WorkerSpec& spec);
WorkerSpec worker_spec_from_json(const std::string& text);
std::string to_json(const WorkerReport& report);
// A body that is no report reads as a failure that says so.
WorkerReport worker_report_from_json(const std::string& text);

}  // namespace millrace::run
