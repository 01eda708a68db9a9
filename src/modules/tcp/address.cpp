// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/address.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>

namespace millrace::tcp {
namespace {

const sockaddr_in& v4(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& v6(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in6&>(storage);
}

}  // namespace

Result<Address> Address::parse(const std::string& text, std::uint16_t port) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (text.empty() || getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0 || found == nullptr)
    return failure(fmt::format("'{}' is no numeric IP address", text),
                   "for example 10.0.0.1, fd00::1 or fe80::1%eth0; names are not looked up");
  Address address;
  address.length_ = found->ai_addrlen;
  std::memcpy(&address.storage_, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  address.set_port(port);
  return address;
}

Address Address::of_socket(int fd) {
  Address address;
  address.length_ = sizeof(address.storage_);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage_), &address.length_);
  return address;
}

Address Address::of_peer(int fd) {
  Address address;
  address.length_ = sizeof(address.storage_);
  getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage_), &address.length_);
  return address;
}

std::uint16_t Address::port() const {
  return ntohs(family() == AF_INET6 ? v6(storage_).sin6_port : v4(storage_).sin_port);
}

void Address::set_port(std::uint16_t port) {
  if (family() == AF_INET6)
    reinterpret_cast<sockaddr_in6&>(storage_).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in&>(storage_).sin_port = htons(port);
}

bool Address::is_loopback() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&v6(storage_).sin6_addr) != 0;
  return (ntohl(v4(storage_).sin_addr.s_addr) >> 24) == 127;
}

bool Address::same_host(const Address& other) const {
  if (family() != other.family()) return false;
  if (family() == AF_INET6)
    return std::memcmp(&v6(storage_).sin6_addr, &v6(other.storage_).sin6_addr, sizeof(in6_addr)) == 0;
  return v4(storage_).sin_addr.s_addr == v4(other.storage_).sin_addr.s_addr;
}

std::string Address::host_text() const {
  char host[NI_MAXHOST] = "?";
  getnameinfo(raw(), length_, host, sizeof(host), nullptr, 0, NI_NUMERICHOST);
  return host;
}

std::string Address::text() const {
  return family() == AF_INET6 ? fmt::format("[{}]:{}", host_text(), port())
                              : fmt::format("{}:{}", host_text(), port());
}

}  // namespace millrace::tcp
