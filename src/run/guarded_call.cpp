// SPDX-License-Identifier: Apache-2.0
#include "run/guarded_call.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>

namespace millrace::run {
namespace {

[[noreturn]] void run_child(const std::function<std::string()>& call, int out, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);  // so that what it starts can be ended with it
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGINT, SIGTERM})
    std::signal(signal, SIG_DFL);
  // Nothing may unwind into the parent's frames: their destructors are the parent's to run.
  std::string answer;
  try {
    answer = "+" + call();
  } catch (const std::exception& error) {
    answer = std::string("!") + error.what();
  } catch (...) {
    answer = "!something that is no std::exception";
  }
  for (std::size_t sent = 0; sent < answer.size();) {
    const ssize_t now = write(out, answer.data() + sent, answer.size() - sent);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) _exit(1);
    sent += static_cast<std::size_t>(now);
  }
  _exit(0);  // no destructors: the parent's objects are not this process's
}

std::string fate(int status) {
  if (WIFSIGNALED(status)) return fmt::format("crashed (SIG{})", sigabbrev_np(WTERMSIG(status)));
  return fmt::format("ended early with status {}", WEXITSTATUS(status));
}

}  // namespace

Result<std::string> guarded_call(const std::function<std::string()>& call, Duration timeout) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failure(fmt::format("pipe: {}", std::strerror(errno)));
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return failure(fmt::format("fork: {}", std::strerror(errno)), "raise the limit on processes (ulimit -u)");
  }
  if (child == 0) run_child(call, ends[1], parent);
  close(ends[1]);

  std::string answer;
  bool timed_out = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout.ns);
  for (char buffer[65536];;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{ends[0], POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      timed_out = true;
      kill(child, SIGKILL);
      break;
    }
    const ssize_t got = read(ends[0], buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  // Its group goes with it, while its number is still its own.
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  kill(-child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (timed_out) return failure(fmt::format("did not answer within {}", to_text(timeout)));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || answer.empty()) return failure(fate(status));
  if (answer.front() == '!') return failure("threw an exception: " + answer.substr(1));
  return answer.substr(1);
}

}  // namespace millrace::run
