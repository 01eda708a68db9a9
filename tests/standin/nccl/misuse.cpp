// SPDX-License-Identifier: Apache-2.0
#include "nccl/misuse.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace millrace::standin::nccl {
namespace {

std::mutex misuse_mutex;
char text_of_last_error[512] = "";

}  // namespace

ncclResult_t misuse(ncclResult_t result, const std::string& what) {
  std::fprintf(stderr, "stand-in libnccl: %s\n", what.c_str());
  set_last_error(what);
  return result;
}

void die(const std::string& what) {
  std::fprintf(stderr, "stand-in libnccl: %s\n", what.c_str());
  std::abort();
}

void set_last_error(const std::string& text) {
  const std::lock_guard lock(misuse_mutex);
  std::snprintf(text_of_last_error, sizeof text_of_last_error, "%s", text.c_str());
}

const char* last_error() { return text_of_last_error; }

}  // namespace millrace::standin::nccl
