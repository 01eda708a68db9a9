// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/ring.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "modules/storage/system_failure.hpp"

namespace millrace::storage {
namespace {

tl::unexpected<Error> refused(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return failure(
          "io_uring is refused by the kernel or a sandbox: " + errno_text(error),
          "sysctl kernel.io_uring_disabled=0; in a container, a seccomp profile that allows io_uring",
          Exit::kInconclusive);
    case ENOSYS:
      return failure("this kernel has no io_uring, or a sandbox hides it: " + errno_text(error),
                     "Linux 5.10 or newer; in a container, a seccomp profile that allows io_uring",
                     Exit::kInconclusive);
    case ENOMEM:
      // The kernel counts them as locked memory, for all processes of a user together.
      return failure(fmt::format("io_uring cannot have its queues: {}; the limit of locked memory, which all "
                                 "processes of this user share, is {}",
                                 errno_text(error), memlock_limit()),
                     "raise it (ulimit -l), end what else this user runs, or give a smaller --queue-depth");
    default:
      return system_failure(error, "set up io_uring");
  }
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::make(const Settings& settings) {
  const std::uint32_t wanted = IORING_SETUP_R_DISABLED | (settings.iopoll ? IORING_SETUP_IOPOLL : 0U) |
                               (settings.sqpoll ? IORING_SETUP_SQPOLL : 0U) |
                               (settings.wide ? IORING_SETUP_SQE128 | IORING_SETUP_CQE32 : 0U);
  // Task-run flags mean nothing where a kernel thread submits: the kernel refuses them with SQPOLL.
  const std::uint32_t best = settings.sqpoll ? IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER
                                             : IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                                                   IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                                                   IORING_SETUP_TASKRUN_FLAG;
  const std::uint32_t middle =
      settings.sqpoll ? IORING_SETUP_SUBMIT_ALL
                      : IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

  std::unique_ptr<Ring> ring(new Ring);
  int error = EINVAL;
  for (const std::uint32_t optional : std::array{best, middle, 0U}) {
    io_uring_params parameters = {};
    parameters.flags = wanted | optional;
    parameters.sq_thread_idle = 1000;  // milliseconds
    error = -io_uring_queue_init_params(settings.depth, &ring->ring_, &parameters);
    if (error != EINVAL) {
      ring->flags_ = parameters.flags;
      break;
    }
  }
  if (error == EINVAL && settings.wide)
    return failure("this kernel's io_uring passes no commands through to a drive: " + errno_text(error),
                   "Linux 5.19 or newer; or read the block device, /dev/nvmeXnY", Exit::kInconclusive);
  if (error != 0) return refused(error);
  ring->live_ = true;
  ring->enter_fd_ = ring->ring_.ring_fd;
  // The n-th submission is always the n-th entry: written once, here. Without an array, which newer versions
  // of liburing do without where the kernel can (IORING_SETUP_NO_SQARRAY, Linux 6.6), it is so anyway.
  std::uint32_t* const array = ring->ring_.sq.array;
  for (std::uint32_t i = 0; array != nullptr && i < ring->ring_.sq.ring_entries; ++i) array[i] = i;
  return ring;
}

Ring::~Ring() {
  if (!live_) return;
  release();
  io_uring_queue_exit(&ring_);
}

void Ring::release() {
  if (has_files_) io_uring_unregister_files(&ring_);
  if (has_buffers_) io_uring_unregister_buffers(&ring_);
  has_files_ = has_buffers_ = false;
}

Result<void> Ring::register_files(std::span<const int> fds) {
  const int result = io_uring_register_files(&ring_, fds.data(), static_cast<unsigned>(fds.size()));
  if (result != 0)
    return system_failure(-result, fmt::format("register {} files with io_uring", fds.size()),
                          "raise the limit of open files (ulimit -n), or give --registered-files off");
  has_files_ = true;
  return {};
}

int Ring::register_buffers(std::span<const iovec> buffers) {
  const int error = -io_uring_register_buffers(&ring_, buffers.data(), static_cast<unsigned>(buffers.size()));
  has_buffers_ = error == 0;
  return error;
}

Result<void> Ring::enable() {
  // Not io_uring_enable_rings: liburing 2.3 declares it but does not export it.
  const int result =
      io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (result != 0) return system_failure(-result, "enable io_uring");
  // Linux 5.18; without it each call looks the descriptor up.
  if (io_uring_register_ring_fd(&ring_) == 1) {
    enter_fd_ = ring_.enter_ring_fd;
    enter_flags_ = IORING_ENTER_REGISTERED_RING;
  }
  return {};
}

int Ring::enter(std::uint32_t submit, std::uint32_t wait, std::int64_t timeout_ns) {
  unsigned flags = enter_flags_ | IORING_ENTER_GETEVENTS;
  if (sqpoll()) {
    // The kernel's thread submits by itself, unless it has gone to sleep.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    const bool asleep = (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP) != 0;
    if (!asleep && wait == 0) return static_cast<int>(submit);
    if (asleep) flags |= IORING_ENTER_SQ_WAKEUP;
  }
  int result = 0;
  if (timeout_ns < 0) {
    result = io_uring_enter(static_cast<unsigned>(enter_fd_), submit, wait, flags, nullptr);
  } else {
    __kernel_timespec time = {timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
    io_uring_getevents_arg argument = {};
    argument.ts = reinterpret_cast<std::uint64_t>(&time);
    result = io_uring_enter2(static_cast<unsigned>(enter_fd_), submit, wait, flags | IORING_ENTER_EXT_ARG,
                             reinterpret_cast<sigset_t*>(&argument), sizeof argument);
  }
  return sqpoll() && result >= 0 ? static_cast<int>(submit) : result;
}

}  // namespace millrace::storage
