// SPDX-License-Identifier: Apache-2.0
// io_uring for one thread that only reads.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "units/result.hpp"

namespace millrace::ingest {

class ReadRing {
 public:
  // To be called by the thread that reads. Fails where the kernel has no io_uring or refuses it.
  static Result<std::unique_ptr<ReadRing>> create(unsigned depth);
  ReadRing(const ReadRing&) = delete;
  ReadRing& operator=(const ReadRing&) = delete;
  ~ReadRing() {
    if (ready_) io_uring_queue_exit(&ring_);
  }

  // At most `depth` reads may be under way.
  void read(int fd, std::byte* to, unsigned size, std::uint64_t offset, std::uint64_t tag);
  // Submits what is prepared and waits for at least one completion. A negative errno on failure.
  int submit_and_wait();

  struct Completion {
    std::uint64_t tag;
    int result;  // bytes, or a negative errno
  };
  bool reap(Completion& completion);

 private:
  ReadRing() = default;
  io_uring ring_{};
  bool ready_ = false;
};

}  // namespace millrace::ingest
