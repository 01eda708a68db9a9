// SPDX-License-Identifier: Apache-2.0
#include "misuse.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace millrace::standin {
namespace {

std::atomic<pid_t> opened_by{0};

}  // namespace

void misuse(const std::string& what) {
  std::fprintf(stderr, "stand-in cuFile: %s\n", what.c_str());
  std::abort();
}

void remember_process() { opened_by = getpid(); }

void check_not_forked() {
  if (const pid_t owner = opened_by.load(); owner != 0 && owner != getpid())
    misuse("a child of fork uses cuFile, which its parent had opened");
}

}  // namespace millrace::standin
