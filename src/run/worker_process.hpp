// SPDX-License-Identifier: Apache-2.0
// A worker as its parent sees it: a child process with a channel, a shared state and what it printed last.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "run/channel.hpp"
#include "run/worker_spec.hpp"
#include "units/result.hpp"

namespace millrace::run {

class WorkerProcess {
 public:
  // Starts this binary again as a worker, in a process group of its own, and sends it what to run.
  static Result<WorkerProcess> start(const WorkerSpec& spec, int state_fd);
  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&& other) noexcept;
  ~WorkerProcess();  // ends it at once when it still runs, and was not left behind

  [[nodiscard]] pid_t id() const { return pid_; }
  [[nodiscard]] int channel_fd() const { return channel_.fd(); }
  [[nodiscard]] int output_fd() const { return output_; }
  Channel& channel() { return channel_; }

  // Reaps it if it has ended. True when it is gone.
  bool is_gone();
  void send_signal(int signal) const;
  // Where in the kernel it waits, deaf to every signal, "__rxe_cleanup"; empty when it does not.
  [[nodiscard]] std::string stuck_in() const;
  // Waits for it no more: it counts as gone, and ends when the kernel lets go of it.
  void leave_behind();
  // Reads what it printed (stdout and stderr) and keeps the end of it.
  void drain_output();
  [[nodiscard]] const std::string& last_output() const { return printed_; }
  // "crashed (SIGSEGV)", "ended with status 3"; once gone.
  [[nodiscard]] std::string fate() const;
  [[nodiscard]] bool was_killed() const;  // by SIGKILL, which no module can cause by a fault
  // Resident memory now, or 0.
  [[nodiscard]] std::uint64_t resident_bytes() const;

 private:
  WorkerProcess(pid_t pid, Channel channel, int output)
      : pid_(pid), channel_(std::move(channel)), output_(output) {}
  pid_t pid_ = -1;
  Channel channel_;
  int output_ = -1;
  std::optional<int> status_;
  bool left_behind_ = false;
  std::string printed_;
};

}  // namespace millrace::run
