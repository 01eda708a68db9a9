// SPDX-License-Identifier: Apache-2.0
#include "machine/state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace millrace::standin {
namespace {

void initialise(State& state) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&state.mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  state.is_initialised = 1;
}

}  // namespace

State* attach_state(const std::string& file) {
  const int fd = file.empty() ? memfd_create("standin-state", MFD_CLOEXEC)
                              : open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("the stand-in's state " + file + ": " + std::strerror(errno));
  flock(fd, LOCK_EX);
  if (ftruncate(fd, sizeof(State)) != 0)
    throw std::runtime_error("the stand-in's state " + file + ": " + std::strerror(errno));
  void* at = mmap(nullptr, sizeof(State), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED)
    throw std::runtime_error("the stand-in's state " + file + ": " + std::strerror(errno));
  auto* state = static_cast<State*>(at);
  if (state->is_initialised == 0) initialise(*state);
  flock(fd, LOCK_UN);  // the mapping keeps the open file, and the lock with it, beyond close
  close(fd);
  return state;
}

Hold::Hold(State& state) : state_(state) {
  if (pthread_mutex_lock(&state_.mutex) == EOWNERDEAD) pthread_mutex_consistent(&state_.mutex);
}

Hold::~Hold() { pthread_mutex_unlock(&state_.mutex); }

}  // namespace millrace::standin
