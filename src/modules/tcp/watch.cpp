// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/watch.hpp"

#include <sys/epoll.h>

#include <cerrno>

#include "modules/tcp/network_failure.hpp"

namespace millrace::tcp {

Result<Socket> watch(std::span<Connection* const> connections, std::uint32_t events) {
  if (connections.size() == 1) {
    const int fd = connections.front()->fd();
    for (const Result<void>& done : {set_blocking(fd, true), limit_waits(fd, kLookNs)})
      if (!done) return tl::unexpected(done.error());
    return Socket();
  }
  Socket epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return network_failure(errno, "watch several connections");
  for (std::size_t i = 0; i < connections.size(); ++i) {
    epoll_event event = {};
    event.events = events;
    event.data.u64 = i;
    if (epoll_ctl(epoll.fd(), EPOLL_CTL_ADD, connections[i]->fd(), &event) != 0)
      return network_failure(errno, "watch a connection");
  }
  return epoll;
}

}  // namespace millrace::tcp
