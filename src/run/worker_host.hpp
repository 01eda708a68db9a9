// SPDX-License-Identifier: Apache-2.0
// The core's services to a module inside a worker: the other side of millrace_host.
#pragma once

#include <millrace/module_abi.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "run/channel.hpp"
#include "run/shared_state.hpp"
#include "run/worker_spec.hpp"

namespace millrace::run {

class WorkerHost {
 public:
  WorkerHost(const WorkerSpec& spec, SharedState& state, Channel& channel);
  WorkerHost(const WorkerHost&) = delete;
  WorkerHost& operator=(const WorkerHost&) = delete;

  [[nodiscard]] const millrace_host* raw() const { return &host_; }

  // Recorders count from here on; after finish_run their last totals stand in the shared state.
  void start_run(std::int64_t begin_ns);
  void finish_run(std::int64_t end_ns);
  // Gives memories back. Called after the probe's close.
  void close_memories();

  [[nodiscard]] WorkerReport failure();  // what it said of it so far, and nothing else
  WorkerReport take_report();

 private:
  // A recorder as the module sees it, with what the core keeps beside it.
  struct Recorder {
    millrace_recorder seen{};  // first, so that publish can find the rest
    WorkerHost* host = nullptr;
    RecorderSlot* slot = nullptr;
  };
  struct OpenMemory {
    const millrace_memory_module* module;
    millrace_memory memory;
  };

  static void publish(millrace_recorder* seen, std::int64_t now_ns);
  millrace_recorder* add_recorder();
  const millrace_memory* open_memory(const std::string& name);
  std::int32_t gather(const void* bytes, std::size_t size, void* all, std::size_t stride, std::size_t* sizes,
                      std::int64_t timeout_ns);
  std::int32_t announce_temporary(const std::string& path);
  void keep_failure(const char* what, const char* hint);
  void tell(MessageKind kind);
  [[nodiscard]] bool has_other_hosts() const { return spec_.hosts.addresses.size() > 1; }
  void fill_services();
  void beat() { block_.progress_ns.store(monotonic_ns(), std::memory_order_relaxed); }

  const WorkerSpec& spec_;
  SharedState& state_;
  WorkerBlock& block_;
  Channel& channel_;
  millrace_host host_{};
  millrace_worker plan_{};
  std::mutex mutex_;  // guards everything below
  WorkerReport report_;
  std::size_t sample_count_ = 0;
  std::vector<std::unique_ptr<Recorder>> recorders_;
  std::map<std::string, std::unique_ptr<OpenMemory>> memories_;
};

}  // namespace millrace::run
