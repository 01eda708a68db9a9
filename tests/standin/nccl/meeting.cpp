// SPDX-License-Identifier: Apache-2.0
#include "nccl/meeting.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "machine/machine.hpp"

namespace millrace::standin::nccl {
namespace {

// Beside the state of the machine, which lies in memory and is removed with its folder.
std::string file_of(const std::string& name) {
  const std::string& state = Machine::instance().state_file();
  return (state.empty() ? "/dev/shm/millrace-standin" : state) + ".nccl-" + name;
}

}  // namespace

Table* Meeting::open(const std::string& name, std::string& why) {
  const std::string file = file_of(name);
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof(Table)) != 0) {
    why = file + ": " + std::strerror(errno);
    if (fd >= 0) close(fd);
    return nullptr;
  }
  // A new file is all zeros, which is a table at which nobody sits.
  void* table = mmap(nullptr, sizeof(Table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (table == MAP_FAILED) {
    why = file + ": " + std::strerror(errno);
    return nullptr;
  }
  return static_cast<Table*>(table);
}

void Meeting::remove(const std::string& name) { unlink(file_of(name).c_str()); }

std::string Meeting::new_name() {
  std::uint64_t random[2] = {};
  if (getrandom(random, sizeof random, 0) != sizeof random) random[0] = static_cast<std::uint64_t>(getpid());
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(random[0]),
                static_cast<unsigned long long>(random[1]));
  return text;
}

}  // namespace millrace::standin::nccl
