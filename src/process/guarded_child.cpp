// SPDX-License-Identifier: Apache-2.0
#include "process/guarded_child.hpp"

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
#include <thread>
#include <utility>

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

[[noreturn]] void run_child(const std::function<std::string(const GuardedChild::AskedToEnd&)>& call, int out,
                            int end, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);  // so that what it starts can be ended with it
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGINT, SIGTERM})
    std::signal(signal, SIG_DFL);
  const auto asked_to_end = [end](Duration wait) {
    pollfd waiting{end, POLLIN, 0};  // its other end is closed to ask
    return poll(&waiting, 1, static_cast<int>(wait.ns / 1'000'000)) > 0;
  };
  // Nothing may unwind into the parent's frames: their destructors are the parent's to run.
  std::string answer;
  try {
    answer = "+" + call(asked_to_end);
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

Result<GuardedChild> GuardedChild::start(const std::function<std::string(const AskedToEnd&)>& call) {
  int answer[2];
  int end[2];
  if (pipe2(answer, O_CLOEXEC) != 0) return failure(fmt::format("pipe: {}", std::strerror(errno)));
  if (pipe2(end, O_CLOEXEC) != 0) {
    const int why = errno;
    close(answer[0]);
    close(answer[1]);
    return failure(fmt::format("pipe: {}", std::strerror(why)));
  }
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    close(end[1]);
    run_child(call, answer[1], end[0], parent);
  }
  const int why = errno;
  close(answer[1]);
  close(end[0]);
  if (child < 0) {
    close(answer[0]);
    close(end[1]);
    return failure(fmt::format("fork: {}", std::strerror(why)), "raise the limit on processes (ulimit -u)");
  }
  return GuardedChild(child, answer[0], end[1]);
}

GuardedChild::GuardedChild(GuardedChild&& other) noexcept
    : child_(std::exchange(other.child_, -1)),
      answer_(std::exchange(other.answer_, -1)),
      end_(std::exchange(other.end_, -1)) {}

GuardedChild::~GuardedChild() {
  if (child_ <= 0) return;
  kill(child_, SIGKILL);
  (void)reap();
  close(answer_);
  close(end_);
}

// All of it, or nothing where it did not come in time.
std::optional<std::string> GuardedChild::read_answer(Duration timeout) const {
  std::string answer;
  const auto deadline = Clock::now() + std::chrono::nanoseconds(timeout.ns);
  for (char buffer[65536];;) {
    pollfd waiting{answer_, POLLIN, 0};
    const int left = milliseconds_until(deadline);
    const int ready = left == 0 ? 0 : poll(&waiting, 1, left);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    const ssize_t got = read(answer_, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return answer;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
}

// Its status; nothing when the kernel holds it: a process inside of a driver that hangs cannot be killed, and
// waiting for it would hang this one too.
std::optional<int> GuardedChild::reap() {
  constexpr auto kPatience = std::chrono::seconds(2);
  const auto deadline = Clock::now() + kPatience;
  siginfo_t info{};
  for (;;) {
    info.si_pid = 0;
    const int done = waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT | WNOHANG);
    if (done == 0 && info.si_pid != 0) break;
    if ((done < 0 && errno != EINTR) || Clock::now() > deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // Its group goes with it, while its number is still its own.
  kill(-child_, SIGKILL);
  int status = 0;
  const bool gone = info.si_pid != 0 && waitpid(child_, &status, 0) == child_;
  child_ = -1;
  return gone ? std::optional(status) : std::nullopt;
}

Result<std::string> GuardedChild::finish(Duration timeout) {
  close(std::exchange(end_, -1));
  const auto answer = read_answer(timeout);
  if (!answer) kill(child_, SIGKILL);
  close(std::exchange(answer_, -1));
  const auto status = reap();
  if (!answer) return failure(fmt::format("did not answer within {}", to_text(timeout)));
  if (!status) return failure("answered, and does not end");
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0 || answer->empty()) return failure(fate(*status));
  if (answer->front() == '!') return failure("threw an exception: " + answer->substr(1));
  return answer->substr(1);
}

}  // namespace millrace
