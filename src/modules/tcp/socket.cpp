// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <cerrno>
#include <fstream>

#include "modules/tcp/network_failure.hpp"

namespace millrace::tcp {
namespace {

constexpr int kBacklog = 4096;

bool set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

std::string congestion_controls() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_available_congestion_control");
  std::string line;
  std::getline(file, line);
  return line.empty() ? "an unknown list" : line;
}

Result<void> set_congestion(int fd, const std::string& name) {
  if (name.empty() ||
      setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0)
    return {};
  return network_failure(errno, "use the congestion control " + name,
                         errno == EPERM ? "it is not in net.ipv4.tcp_allowed_congestion_control: run as root"
                                        : "the kernel has: " + congestion_controls());
}

// The kernel caps the size silently, at net.core.[rw]mem_max; the one that forces it needs CAP_NET_ADMIN. It
// doubles what is asked for, to have room for its own structures (socket(7)).
Result<void> set_buffer(int fd, int option, int forced, int bytes, const char* name, const char* limit) {
  if (bytes == 0) return {};
  if (!set(fd, SOL_SOCKET, forced, bytes) && !set(fd, SOL_SOCKET, option, bytes))
    return network_failure(errno, fmt::format("set --{} {}", name, bytes));
  int got = 0;
  socklen_t size = sizeof(got);
  getsockopt(fd, SOL_SOCKET, option, &got, &size);
  if (got / 2 >= bytes) return {};
  return failure(fmt::format("--{} {}: the kernel gives {} only", name, bytes, got / 2),
                 fmt::format("raise it: sysctl -w {}={}; or run as root", limit, bytes));
}

// At this port; 0: any. `why_not` is the errno where it cannot be had.
Result<Socket> listen_at(const Address& address, const LinkOptions& options, int& why_not) {
  Result<Socket> socket = make_socket(address.family(), options);
  if (!socket) return socket;
  // A port that an earlier run used waits for stray segments for a minute: it may be used again.
  set(socket->fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(socket->fd(), address.raw(), address.length()) == 0 && listen(socket->fd(), kBacklog) == 0)
    return socket;
  why_not = errno;
  return network_failure(why_not, "listen on " + address.text());
}

}  // namespace

Result<Socket> make_socket(int family, const LinkOptions& options) {
  Socket socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return network_failure(errno, "make a TCP socket");
  const int fd = socket.fd();
  if (options.mss > 0 && !set(fd, IPPROTO_TCP, TCP_MAXSEG, options.mss))
    return network_failure(errno, fmt::format("set --mss {}", options.mss), "it must fit the path");
  for (const Result<void>& done :
       {set_congestion(fd, options.congestion),
        set_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, options.send_buffer, "send-buffer", "net.core.wmem_max"),
        set_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, options.receive_buffer, "receive-buffer",
                   "net.core.rmem_max")})
    if (!done) return tl::unexpected(done.error());
  return socket;
}

Result<Socket> listen_on(const Address& address, const LinkOptions& options) {
  int why_not = 0;
  if (options.first_port == 0) return listen_at(address, options, why_not);
  if (address.port() != 0 && (address.port() < options.first_port || address.port() > options.last_port))
    return failure(fmt::format("--port {} is none of the ports {} to {} that this peer opens", address.port(),
                               options.first_port, options.last_port),
                   "leave --port out, or start that peer with other --ports", Exit::kInconclusive);
  if (address.port() != 0) return listen_at(address, options, why_not);
  for (unsigned port = options.first_port; port <= options.last_port; ++port) {
    Address one = address;
    one.set_port(static_cast<std::uint16_t>(port));
    Result<Socket> socket = listen_at(one, options, why_not);
    if (socket || why_not != EADDRINUSE) return socket;
  }
  return failure(fmt::format("no port from {} to {} is free on {}", options.first_port, options.last_port,
                             address.host_text()),
                 "start that peer with more --ports; `ss -ltn` shows who has them", Exit::kInconclusive);
}

Result<void> finish_socket(int fd, const LinkOptions& options) {
  if (!set(fd, IPPROTO_TCP, TCP_NODELAY, options.nodelay ? 1 : 0))
    return network_failure(errno, "set TCP_NODELAY");
  if (options.pacing_bytes_per_s > 0) {
    const auto rate = static_cast<unsigned long>(options.pacing_bytes_per_s);
    if (setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)) != 0)
      return network_failure(errno, "pace the stream (--rate)");
  }
  if (options.busy_poll_ns > 0 &&
      !set(fd, SOL_SOCKET, SO_BUSY_POLL, static_cast<int>(options.busy_poll_ns / 1000))) {
    if (errno == ENOPROTOOPT)
      return failure("this kernel cannot busy-poll sockets (CONFIG_NET_RX_BUSY_POLL)",
                     "leave --busy-poll out; --wait spin polls from the program instead",
                     Exit::kInconclusive);
    return network_failure(errno, "busy-poll the socket", "run as root, or leave --busy-poll out");
  }
  return {};
}

Result<void> limit_waits(int fd, std::int64_t ns) {
  const timeval wait = {ns / 1'000'000'000, ns % 1'000'000'000 / 1000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
    return network_failure(errno, "set a time-out");
  return {};
}

Result<void> set_blocking(int fd, bool blocking) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0)
    return network_failure(errno, "set up a socket");
  return {};
}

}  // namespace millrace::tcp
