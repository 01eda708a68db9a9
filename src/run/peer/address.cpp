// SPDX-License-Identifier: Apache-2.0
#include "run/peer/address.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<Addresses> resolve(const Address& address, int flags) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wanted, &found);
  if (error != 0)
    return failure(fmt::format("{}: {}", address.host, gai_strerror(error)),
                   (flags & AI_NUMERICHOST) != 0
                       ? "give a numeric address of this host, for example 127.0.0.1:0"
                       : "a numeric address needs no name service");
  return Addresses(found, &freeaddrinfo);
}

void set(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof(value)); }

// tcp(7): a host that is gone is noticed after 4 + 3 × 2 s of silence, or of data without an answer.
void prepare(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 4);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 20'000);
}

Address numeric(const sockaddr_storage& storage, socklen_t size) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  Address address;
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host, sizeof(host), port, sizeof(port),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return address;
  address.host = host;
  std::from_chars(port, port + std::strlen(port), address.port);
  return address;
}

// 0, or the errno that it ended with.
int finish_connecting(int fd, std::int64_t deadline) {
  for (;;) {
    const std::int64_t left = (deadline - monotonic_ns()) / 1'000'000;
    pollfd waiting{fd, POLLOUT, 0};
    const int ready = left <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) return EINTR;
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

int Socket::release() { return std::exchange(fd_, -1); }

Result<Address> parse_address(const std::string& text) {
  const char* hint = "ADDRESS:PORT, for example 10.0.0.2:7411 or [::1]:7411";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return failure(fmt::format("'{}' has no port", text), hint);
  Address address{text.substr(0, colon), 0};
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc{} || at != end)
    return failure(fmt::format("'{}': '{}' is no port", text, text.substr(colon + 1)), hint);
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  else if (address.host.find(':') != std::string::npos)
    return failure(fmt::format("'{}': an IPv6 address stands in brackets", text), hint);
  if (address.host.empty() || address.host.size() > 255)
    return failure(fmt::format("'{}' has no address", text), hint);
  return address;
}

std::string to_text(const Address& address) {
  return address.host.find(':') == std::string::npos ? fmt::format("{}:{}", address.host, address.port)
                                                     : fmt::format("[{}]:{}", address.host, address.port);
}

Result<Socket> listen_on(const Address& address) {
  auto found = resolve(address, AI_NUMERICHOST | AI_PASSIVE);
  if (!found) return tl::unexpected(found.error());
  const addrinfo& at = **found;
  Socket listener(socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (at.ai_family == AF_INET6) set(listener.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set(listener.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (listener.fd() < 0 || bind(listener.fd(), at.ai_addr, at.ai_addrlen) != 0 ||
      listen(listener.fd(), 16) != 0)
    return failure(fmt::format("listening on {}: {}", to_text(address), std::strerror(errno)),
                   errno == EADDRINUSE ? "another program listens there; port 0 takes a free one"
                                       : "give an address that this host has: `ip address` lists them");
  return listener;
}

Result<Socket> connect_to(const Address& address, Duration timeout) {
  auto found = resolve(address, 0);
  if (!found) return tl::unexpected(found.error());
  const std::int64_t deadline = monotonic_ns() + timeout.ns;
  int reason = 0;
  for (const addrinfo* at = found->get(); at != nullptr; at = at->ai_next) {
    Socket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    reason = errno;
    if (socket.fd() < 0) continue;
    reason = connect(socket.fd(), at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
    if (reason == EINPROGRESS) reason = finish_connecting(socket.fd(), deadline);
    if (reason == EINTR) break;
    if (reason != 0) continue;
    prepare(socket.fd());
    return socket;
  }
  return failure(fmt::format("the peer {} cannot be reached: {}", to_text(address), std::strerror(reason)),
                 "does `millrace peer --listen` run there, on this address and port? does a firewall let it "
                 "through?",
                 Exit::kInconclusive);
}

Socket accept_from(const Socket& listener) {
  Socket taken(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (taken.fd() >= 0) prepare(taken.fd());
  return taken;
}

std::string without_scope(const std::string& host) { return host.substr(0, host.find('%')); }

Address own_end(const Socket& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return numeric(storage, size);
}

Address other_end(const Socket& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getpeername(socket.fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return numeric(storage, size);
}

}  // namespace millrace::run::peer
