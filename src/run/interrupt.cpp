// SPDX-License-Identifier: Apache-2.0
#include "run/interrupt.hpp"

#include <csignal>
#include <initializer_list>

namespace millrace::run {
namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void watch_for_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool was_interrupted() { return interrupted != 0; }

}  // namespace millrace::run
