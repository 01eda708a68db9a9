// SPDX-License-Identifier: Apache-2.0
// A numeric IP address and a port. Names are never looked up: a measurement must not hang on a name server.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "units/result.hpp"

namespace millrace::tcp {

class Address {
 public:
  Address() = default;
  // "10.0.0.1", "fd00::1", "fe80::1%eth0".
  static Result<Address> parse(const std::string& text, std::uint16_t port = 0);
  static Address of_socket(int fd);  // its own end
  static Address of_peer(int fd);

  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t length() const { return length_; }
  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  [[nodiscard]] bool is_loopback() const;  // 127.0.0.0/8 or ::1
  // The same host address, whatever the ports.
  [[nodiscard]] bool same_host(const Address& other) const;

  [[nodiscard]] std::string host_text() const;  // "10.0.0.1"
  [[nodiscard]] std::string text() const;       // "10.0.0.1:5201", "[fd00::1]:5201"

 private:
  sockaddr_storage storage_ = {};
  socklen_t length_ = 0;
};

}  // namespace millrace::tcp
