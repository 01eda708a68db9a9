// SPDX-License-Identifier: Apache-2.0
#include "misbehave.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

namespace faulty {
namespace {

using millrace::sdk::Host;
using millrace::sdk::Outcome;

[[noreturn]] void sleep_for_ever() {
  for (;;) pause();
}

// Freezes the file system that holds its temporary file, and writes to it: the kernel keeps whoever does
// until it is thawed, deaf to SIGKILL. So does a file server that is gone (NFS, hard mount), or a driver that
// waits for its device.
void get_stuck(const Host& host) {
  const std::string file = std::string(std::getenv("MILLRACE_TEST_FREEZE")) + "/file";
  if (host.temporary(file) != Outcome::kOk) std::exit(4);
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 || ioctl(fd, FIFREEZE, 0) != 0 || write(fd, "x", 1) != 1) std::exit(5);
}

// Touches every page, fast, and stops at 3 GiB, so that a core that fails to notice does not take the machine
// down.
void leak() {
  constexpr std::size_t kStep = 8 << 20;
  for (std::size_t taken = 0; taken < (3ULL << 30); taken += kStep)
    if (void* memory = std::malloc(kStep)) std::memset(memory, 1, kStep);
  sleep_for_ever();
}

}  // namespace

Outcome misbehave(std::string_view deed, const Host& host) {
  if (deed == "hang-hard") std::signal(SIGTERM, SIG_IGN);
  if (deed.starts_with("hang")) sleep_for_ever();
  if (deed == "stuck") get_stuck(host);
  if (deed == "slow") std::this_thread::sleep_for(std::chrono::seconds(5));
  if (deed == "crash") std::raise(SIGSEGV);
  if (deed == "abort") std::abort();
  if (deed == "exit") std::exit(3);
  if (deed == "throw") throw std::runtime_error("the warp core is breached");
  if (deed == "throw-number") throw 42;
  if (deed == "leak") leak();
  if (deed == "fail" || deed == "fail-and-hang") return host.fail("the flux capacitor is cold", "warm it");
  if (deed == "fail-mutely") return Outcome::kFailed;
  if (deed == "unavailable") return host.unavailable("there is no flux capacitor here", "buy one");
  if (deed == "odd-text") return host.fail("not UTF-8: \xff\xfe, and a \x01 control", "\xc3");
  return Outcome::kOk;
}

Outcome count_turns(const Host& host) {
  auto recorder = host.recorder();
  while (!host.cancelled()) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    recorder.done(host.now_ns(), 4096);
    recorder.latency(200'000);
  }
  return Outcome::kOk;
}

}  // namespace faulty
