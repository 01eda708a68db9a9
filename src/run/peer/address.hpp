// SPDX-License-Identifier: Apache-2.0
// Where a peer listens and is reached: "10.0.0.2:7411", "[::1]:7411", "node2:7411".
#pragma once

#include <cstdint>
#include <string>

#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

// An open descriptor, closed at the end of its life.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();
  [[nodiscard]] int fd() const { return fd_; }
  int release();

 private:
  int fd_;
};

struct Address {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

Result<Address> parse_address(const std::string& text);
// With brackets where the host has colons.
std::string to_text(const Address& address);

// Listens on this numeric address and nowhere else; port 0 takes any free one. Close-on-exec, non-blocking.
Result<Socket> listen_on(const Address& address);
// Connects to the first of the host's addresses that answers. The socket is non-blocking, sends at once what
// it is given and notices within some 10 s that the other host is gone.
Result<Socket> connect_to(const Address& address, Duration timeout);
// Takes a waiting connection; a Socket without a descriptor when there is none.
Socket accept_from(const Socket& listener);

// The numeric addresses of a connection's ends, with port.
Address own_end(const Socket& socket);
Address other_end(const Socket& socket);
// Without the interface of a link-local one ("fe80::1%eth0"), which is each host's own.
std::string without_scope(const std::string& host);

}  // namespace millrace::run::peer
