// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/read_ring.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace millrace::ingest {

Result<std::unique_ptr<ReadRing>> ReadRing::create(unsigned depth) {
  std::unique_ptr<ReadRing> ring(new ReadRing);
  // Completions are handled when this thread asks for them, not by interrupting it (Linux 6.1); else,
  // without.
  int reason = io_uring_queue_init(
      depth, &ring->ring_,
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN);
  if (reason == -EINVAL) reason = io_uring_queue_init(depth, &ring->ring_, 0);
  ring->ready_ = reason == 0;
  if (ring->ready_) return ring;

  const char* hint =
      reason == -EPERM    ? "set sysctl kernel.io_uring_disabled=0, or allow io_uring in the container"
      : reason == -ENOSYS ? "io_uring needs Linux 5.6 or later, and must be allowed in the container"
      : reason == -ENOMEM ? "raise the memlock limit (ulimit -l) or lower --queue-depth"
                          : "lower --queue-depth";
  return failure(fmt::format("the kernel refused io_uring: {}", std::strerror(-reason)), hint);
}

void ReadRing::read(int fd, std::byte* to, unsigned size, std::uint64_t offset, std::uint64_t tag) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  io_uring_prep_read(entry, fd, to, size, offset);
  io_uring_sqe_set_data64(entry, tag);
}

int ReadRing::submit_and_wait() {
  for (;;) {
    const int submitted = io_uring_submit_and_wait(&ring_, 1);
    if (submitted != -EINTR) return submitted;
  }
}

bool ReadRing::reap(Completion& completion) {
  io_uring_cqe* entry = nullptr;
  if (io_uring_peek_cqe(&ring_, &entry) != 0) return false;
  completion = {io_uring_cqe_get_data64(entry), entry->res};
  io_uring_cqe_seen(&ring_, entry);
  return true;
}

}  // namespace millrace::ingest
