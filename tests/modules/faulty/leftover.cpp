// SPDX-License-Identifier: Apache-2.0
// A probe that measures well, and leaves something behind.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

#include "misbehave.hpp"

namespace faulty {
namespace {

using millrace::sdk::Host;
using millrace::sdk::Outcome;

void leave_child() {
  if (fork() != 0) return;
  // As daemons of a vendor do: nothing that the worker gets reaches it.
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  for (;;) pause();
}

Outcome leave_files(const Host& host, const std::string& folder) {
  const std::string left = folder + "/left-behind";
  if (const Outcome outcome = host.temporary(left); outcome != Outcome::kOk) return outcome;
  if (mkdir(left.c_str(), 0700) != 0) return host.fail("mkdir " + left);
  for (const char* name : {"/a", "/b"})
    close(open((left + name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  // A link to something that is not ours: it goes, what it points to stays.
  (void)!symlink(folder.c_str(), (left + "/link").c_str());
  return Outcome::kOk;
}

class Leftover : public millrace::sdk::Probe {
 public:
  static Outcome describe(const Host& host) {
    return host.add_worker({.role = "sloven", .from = "memory:0", .to = "memory:0"});
  }
  Outcome open(Host& host) override {
    return host.given("path") ? leave_files(host, std::string(host.text("path"))) : Outcome::kOk;
  }
  Outcome run(Host& host) override {
    if (host.text("what") == "child") leave_child();
    if (host.text("what") == "thread")
      std::thread([] {
        for (;;) pause();
      }).detach();
    if (host.text("then") == "crash") misbehave("crash", host);
    return count_turns(host);
  }
};

constexpr millrace_parameter kLeftoverParameters[] = {
    millrace::sdk::choice("what", "nothing|child|thread", "nothing", "what it leaves"),
    millrace::sdk::choice("then", "run|crash", "run", "what it does after that"),
    millrace::sdk::parameter("path", MILLRACE_PATH, "", "where it leaves files"),
};

}  // namespace

constexpr millrace_probe kLeftover =
    millrace::sdk::probe<Leftover>("faulty.leftover", "leaves something behind", kLeftoverParameters);

}  // namespace faulty
