// SPDX-License-Identifier: Apache-2.0
// One measurement of a group while it runs: its workers, their shared state, and the decision to stop.
#pragma once

#include <poll.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "run/launch.hpp"
#include "run/shared_state.hpp"
#include "run/worker_process.hpp"
#include "stats/stopping_rule.hpp"

namespace millrace::run {

class Instance {
 public:
  Instance(const InstancePlan& plan, const LaunchOptions& options, const LaunchCallbacks& callbacks);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // Starts the workers. False when that failed: the outcome says why.
  bool start(const std::vector<MemoryModule>& memories, const std::vector<std::vector<int>>& cpus);
  void release(std::int64_t begin_ns);

  // Handles what workers sent, what they recorded and whether they live.
  void tick();
  void stop(const std::string& reason);  // the first reason counts
  void fail(const std::string& reason, const std::string& hint);
  void end_workers(int signal);
  // Of workers that SIGKILL did not end, and that wait in the kernel where they did at the last call: says
  // where, and goes on without them. `whatever_state`: of all that are still there.
  void leave_stuck_workers(bool whatever_state);

  [[nodiscard]] bool all_ready() const;
  [[nodiscard]] bool all_gone() const;
  [[nodiscard]] bool has_failed() const { return outcome_.status != "ok"; }
  [[nodiscard]] bool is_stopping() const { return stopping_; }
  [[nodiscard]] double rate_now() const { return rate_now_; }
  [[nodiscard]] std::string silent_for() const;  // "no progress for 3.2 s", for the message when it is ended
  void append_poll(std::vector<pollfd>& waiting) const;

  // Of several hosts: whether this one decides, and how far it is by itself.
  [[nodiscard]] bool leads() const { return others_ == nullptr || others_->leads(); }
  [[nodiscard]] bool is_cut_short_by_another_host() const { return cut_short_; }
  [[nodiscard]] bool own_ready() const;
  [[nodiscard]] bool own_gone() const;
  // When all hosts begin, once all are ready; 0 where there is one.
  std::int64_t agree_on_begin() { return others_ == nullptr ? 0 : others_->agree_on_begin(); }

  // Once all workers are gone.
  InstanceOutcome finish();

 private:
  struct Member {
    WorkerProcess process;
    bool ready = false;
    std::optional<WorkerReport> report;
    bool gone = false;
    bool closed = false;  // its end of the channel
    std::optional<std::string> exchanged;
    std::vector<std::vector<SlicePoint>> points;  // per recorder
    std::vector<std::uint64_t> taken;             // per recorder: points read from the ring
    std::string stuck_in = {};                    // where in the kernel it was when SIGKILL had not ended it
  };

  void take_messages(Member& member, int rank, int most);
  void take_report(const WorkerReport& report);
  void take_points(Member& member, int rank);
  void answer_exchange();
  void give_exchange(const std::vector<std::string>& all);
  void talk_to_others();
  void report_rates();
  void add_others();
  void look_at_mean();
  void watch_memory(Member& member);
  [[nodiscard]] std::vector<std::vector<stats::Slice>> slices_of(const Member& member) const;

  const InstancePlan& plan_;
  const LaunchOptions& options_;
  const LaunchCallbacks& callbacks_;
  OtherHosts* others_;
  std::optional<SharedMapping> shared_;
  std::vector<Member> members_;
  stats::StoppingRule rule_;
  std::size_t next_look_ = 1000;
  std::int64_t last_rate_ns_ = 0;
  std::uint64_t last_rate_bytes_ = 0;
  std::int64_t last_memory_look_ns_ = 0;
  double rate_now_ = 0;
  std::int64_t rates_sent_until_ns_ = 0;
  int kills_ = 0;
  bool released_ = false, stopping_ = false, cut_short_ = false;
  InstanceOutcome outcome_;
};

}  // namespace millrace::run
