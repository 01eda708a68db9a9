// SPDX-License-Identifier: Apache-2.0
// A TCP socket that is closed at the end of its life, and how one is made.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "modules/tcp/address.hpp"
#include "modules/tcp/link_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Non-blocking, with the options of the link that must be set before it connects or listens.
Result<Socket> make_socket(int family, const LinkOptions& options);

// Listens on that address; its port may be 0 = any.
Result<Socket> listen_on(const Address& address, const LinkOptions& options);

// What is set once a connection stands: delays, busy polling, waits that end by themselves.
Result<void> finish_socket(int fd, const LinkOptions& options);

// Blocking calls on it return after that time at the latest (with what they have, or EAGAIN), so that no loop
// is deaf to being stopped.
Result<void> limit_waits(int fd, std::int64_t ns);
Result<void> set_blocking(int fd, bool blocking);

}  // namespace millrace::tcp
