// SPDX-License-Identifier: Apache-2.0
#include "selftest/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

namespace millrace::selftest {
namespace {

constexpr int kNotInGroup = 126, kNotStarted = 127;  // as shells have it for what cannot be run
constexpr auto kLook = std::chrono::milliseconds(20);
constexpr int kEndLooks = 500;  // looks before SIGKILL: ten seconds
constexpr std::size_t kLastOfOutput = 2000;

// Between fork and exec: only what is allowed there.
[[noreturn]] void become(char* const* arguments, int group, int output, const cpu_set_t* cpus) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (cpus != nullptr) sched_setaffinity(0, sizeof(*cpus), cpus);
  if (group >= 0 && write(group, "0", 1) != 1) _exit(kNotInGroup);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execvp(arguments[0], arguments);
  _exit(kNotStarted);
}

std::optional<int> status_now(pid_t pid) {
  int status = 0;
  return waitpid(pid, &status, WNOHANG) == pid ? std::optional(status) : std::nullopt;
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                           const ChildOptions& options) {
  std::vector<char*> words;
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  std::string pattern = (folder / "output.XXXXXX").string();
  const int output = mkostemp(pattern.data(), O_CLOEXEC);
  if (output < 0) return failure(fmt::format("{}: {}", folder.string(), std::strerror(errno)));
  int group = -1;
  if (!options.group.empty()) {
    group = open((options.group / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (group < 0) {
      const int error = errno;
      close(output);
      return failure(fmt::format("{}: {}", (options.group / "cgroup.procs").string(), std::strerror(error)));
    }
  }
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (const int cpu : options.cpus) CPU_SET(static_cast<std::size_t>(cpu), &cpus);
  const pid_t pid = fork();
  if (pid == 0) become(words.data(), group, output, options.cpus.empty() ? nullptr : &cpus);
  const int error = errno;
  if (group >= 0) close(group);
  close(output);
  if (pid < 0) return failure(fmt::format("no new process: {}", std::strerror(error)));
  return Child(pid, pattern, options);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      options_(std::move(other.options_)) {}

Child::~Child() {
  end();
  std::error_code ignored;
  if (!output_.empty()) std::filesystem::remove(output_, ignored);
}

void Child::end() {
  if (pid_ < 0) return;
  kill(pid_, SIGINT);
  for (int look = 0; look < kEndLooks; ++look) {
    if (status_now(pid_)) {
      pid_ = -1;
      return;
    }
    std::this_thread::sleep_for(kLook);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool Child::has_ended() const {
  siginfo_t ended{};
  return pid_ < 0 || (waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                      ended.si_pid == pid_);
}

std::string Child::output() const {
  std::ifstream file(output_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<int> Child::wait(Duration most) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(most.ns);
  std::optional<int> status;
  while (!(status = status_now(pid_))) {
    if (options_.interrupted && options_.interrupted()) {
      end();
      return failure("interrupted", {}, Exit::kInterrupted);
    }
    if (std::chrono::steady_clock::now() > deadline) {
      end();
      return failure(fmt::format("did not end within {}", to_text(most)), {}, Exit::kInconclusive);
    }
    std::this_thread::sleep_for(kLook);
  }
  pid_ = -1;
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == kNotInGroup)
    return failure(
        fmt::format("{}: the kernel lets no process into this control group", options_.group.string()), {},
        Exit::kInconclusive);
  if (WIFEXITED(*status)) return WEXITSTATUS(*status);
  std::string last = output();
  if (last.size() > kLastOfOutput) last.erase(0, last.size() - kLastOfOutput);
  return failure(fmt::format("killed by SIG{}: {}", sigabbrev_np(WTERMSIG(*status)), last), {},
                 Exit::kInconclusive);
}

}  // namespace millrace::selftest
