// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/echo.hpp"

#include <cerrno>
#include <cstring>
#include <vector>

#include "modules/tcp/network_failure.hpp"

namespace millrace::tcp {
namespace {

constexpr std::size_t kSpare = 64 << 10;  // so that small messages that came together are taken together

}  // namespace

Result<LoopEnd> echo(const sdk::Host& host, const Connection& connection, const LatencyOptions& options) {
  const int fd = connection.fd();
  const int flags = options.spin ? MSG_DONTWAIT : 0;
  std::vector<char> buffer(options.message_size + kSpare);
  std::size_t held = 0;  // bytes that are not answered yet
  Patience patience(options.spin);
  while (!host.cancelled()) {
    const ssize_t got = recv(fd, buffer.data() + held, buffer.size() - held, flags);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return LoopEnd::kPeerEnded;
    if (got < 0 && errno != EAGAIN && errno != EINTR)
      return network_failure(errno, "receive from " + connection.peer_text());
    if (got <= 0) {  // a client may be idle for as long as it likes
      patience.failed();
      continue;
    }
    patience = Patience(options.spin);
    held += static_cast<std::size_t>(got);
    const std::size_t whole = held - held % options.message_size;
    for (std::size_t done = 0; done < whole;) {
      const ssize_t sent = send(fd, buffer.data() + done, whole - done, flags | MSG_NOSIGNAL);
      if (sent > 0)
        done += static_cast<std::size_t>(sent);
      else if (errno == ECONNRESET || errno == EPIPE)
        return LoopEnd::kPeerEnded;
      else if (errno != EAGAIN && errno != EINTR)
        return network_failure(errno, "send to " + connection.peer_text());
      else if (host.cancelled())
        return LoopEnd::kStopped;
    }
    held -= whole;
    std::memmove(buffer.data(), buffer.data() + whole, held);
  }
  return LoopEnd::kStopped;
}

Result<void> echo_some(const sdk::Host& host, const Connection& connection, const LatencyOptions& options,
                       std::uint32_t messages) {
  std::vector<char> message(options.message_size);
  for (std::uint32_t i = 0; i < messages; ++i) {
    if (Result<void> came =
            receive_all(host, connection, message.data(), message.size(), options.link.silence_ns);
        !came)
      return came;
    if (Result<void> gone =
            send_all(host, connection, message.data(), message.size(), options.link.silence_ns);
        !gone)
      return gone;
  }
  return {};
}

}  // namespace millrace::tcp
