// SPDX-License-Identifier: Apache-2.0
// Sending without a copy (MSG_ZEROCOPY, Documentation/networking/msg_zerocopy.rst of the kernel): the NIC
// reads the caller's pages, which may change only once the kernel has said on the socket's error queue that
// it is done. It says there too when it copied after all, as it does over loopback and veth.
#pragma once

#include <cstdint>

#include "units/result.hpp"

namespace millrace::tcp {

class ZeroCopy {
 public:
  // Exit::kInconclusive where the kernel cannot.
  static Result<void> enable(int fd);

  void sent() { ++sent_; }
  // Takes what the kernel has said; false: an error that is none of zero copy's is on the queue (errno).
  bool reap(int fd);

  [[nodiscard]] std::uint64_t sends() const { return sent_; }
  [[nodiscard]] std::uint64_t in_flight() const { return sent_ - completed_; }
  [[nodiscard]] std::uint64_t copied() const { return copied_; }  // sends that were copied after all

 private:
  std::uint64_t sent_ = 0, completed_ = 0, copied_ = 0;
};

}  // namespace millrace::tcp
