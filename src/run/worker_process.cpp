// SPDX-License-Identifier: Apache-2.0
#include "run/worker_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "run/worker.hpp"

namespace millrace::run {
namespace {

constexpr std::size_t kKeptOutput = 4096;

// Between fork and exec: only what is safe there.
[[noreturn]] void become_worker(int channel, int state, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);  // a terminal's Ctrl-C is for the core alone
  // Move all three out of the way of 3 and 4 first, then to their places (dup2 clears close-on-exec).
  const int channel_copy = fcntl(channel, F_DUPFD, 10);
  const int state_copy = fcntl(state, F_DUPFD, 10);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(channel_copy, kWorkerChannelFd);
  dup2(state_copy, kWorkerStateFd);
  close_range(kWorkerStateFd + 1, ~0U, 0);
  execl("/proc/self/exe", "millrace", "worker", static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const WorkerSpec& spec, int state_fd) {
  int ends[2];
  int output[2];
  if (!make_channel(ends))
    return failure(fmt::format("socketpair: {}", std::strerror(errno)), "raise ulimit -n");
  Channel ours(ends[0]);
  const Channel theirs(ends[1]);
  if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0)
    return failure(fmt::format("pipe: {}", std::strerror(errno)), "raise ulimit -n");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become_worker(theirs.fd(), state_fd, output[1], parent);
  close(output[1]);
  if (pid < 0) {
    close(output[0]);
    return failure(fmt::format("fork: {}", std::strerror(errno)), "raise the limit on processes (ulimit -u)");
  }
  setpgid(pid, pid);  // here as well: whoever comes first
  WorkerProcess process(pid, std::move(ours), output[0]);
  process.channel_.send(MessageKind::kSpec, to_json(spec));
  return process;
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      channel_(std::move(other.channel_)),
      output_(std::exchange(other.output_, -1)),
      status_(other.status_),
      left_behind_(other.left_behind_),
      printed_(std::move(other.printed_)) {}

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(channel_, other.channel_);
  std::swap(output_, other.output_);
  std::swap(status_, other.status_);
  std::swap(left_behind_, other.left_behind_);
  std::swap(printed_, other.printed_);
  return *this;
}

WorkerProcess::~WorkerProcess() {
  if (pid_ > 0 && !is_gone()) {
    kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  if (output_ >= 0) close(output_);
}

bool WorkerProcess::is_gone() {
  if (status_ || left_behind_) return true;
  // What it left running in its process group goes with it, while the group's number is still its own.
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid_)
    return false;
  kill(-pid_, SIGKILL);
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  status_ = status;
  return true;
}

void WorkerProcess::send_signal(int signal) const {
  if (!status_ && !left_behind_) kill(pid_, signal);
}

std::string WorkerProcess::stuck_in() const {
  std::error_code ignored;
  // Of all its threads: the first may have ended, and wait for the others.
  std::filesystem::directory_iterator task(fmt::format("/proc/{}/task", pid_), ignored);
  for (; task != std::filesystem::directory_iterator(); task.increment(ignored)) {
    std::ifstream status(task->path() / "stat");
    std::string text;
    std::getline(status, text);
    const std::size_t name_ends = text.rfind(") ");  // the name may hold anything
    if (name_ends == std::string::npos || text.compare(name_ends + 2, 1, "D") != 0) continue;
    std::ifstream file(task->path() / "wchan");
    std::string function;
    file >> function;
    return function.empty() || function == "0" ? "a place that it does not tell" : function;
  }
  return {};
}

void WorkerProcess::leave_behind() {
  kill(-pid_, SIGKILL);
  left_behind_ = true;
}

void WorkerProcess::drain_output() {
  char buffer[4096];
  // As much as a pipe holds, no more: it may print faster than this reads.
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = read(output_, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    if (got == 0) {  // closed: it must not keep waking the core
      close(output_);
      output_ = -1;
      return;
    }
    printed_.append(buffer, static_cast<std::size_t>(got));
    if (printed_.size() > kKeptOutput) printed_.erase(0, printed_.size() - kKeptOutput);
  }
}

std::string WorkerProcess::fate() const {
  if (!status_) return "still runs";
  if (was_killed()) return "was killed (SIGKILL)";
  if (WIFSIGNALED(*status_)) return fmt::format("crashed (SIG{})", sigabbrev_np(WTERMSIG(*status_)));
  return fmt::format("ended with status {}", WEXITSTATUS(*status_));
}

bool WorkerProcess::was_killed() const {
  return status_ && WIFSIGNALED(*status_) && WTERMSIG(*status_) == SIGKILL;
}

std::uint64_t WorkerProcess::resident_bytes() const {
  std::ifstream file(fmt::format("/proc/{}/statm", pid_));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace millrace::run
