// SPDX-License-Identifier: Apache-2.0
#include "run/channel.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace millrace::run {
namespace {

constexpr std::size_t kPacket = std::size_t{64} * 1024;
// The first byte of a packet: the kind of its message where it is the last one of it, else this.
constexpr char kMore = '+';

}  // namespace

bool make_channel(int ends[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0; }

Channel::Channel(Channel&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), partial_(std::move(other.partial_)) {}

Channel& Channel::operator=(Channel&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(partial_, other.partial_);
  return *this;
}

Channel::~Channel() {
  if (fd_ >= 0) close(fd_);
}

bool Channel::send(MessageKind kind, std::string_view body) const {
  std::string packet;
  do {
    const std::string_view part = body.substr(0, kPacket);
    body.remove_prefix(part.size());
    packet.assign(1, body.empty() ? static_cast<char>(kind) : kMore);
    packet.append(part);
    ssize_t sent = 0;
    while ((sent = ::send(fd_, packet.data(), packet.size(), MSG_NOSIGNAL)) < 0 && errno == EINTR) {
    }
    if (sent < 0) return false;
  } while (!body.empty());
  return true;
}

std::optional<Message> Channel::poll_message(bool& closed) {
  thread_local std::array<char, kPacket + 1> buffer;
  for (;;) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    // An end that closes with messages unread resets the connection (unix(7)); told once, before what it
    // sent.
    if (got < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
    if (got <= 0) {
      closed = true;
      return std::nullopt;
    }
    partial_.append(buffer.data() + 1, static_cast<std::size_t>(got) - 1);
    if (buffer[0] != kMore) return Message{static_cast<MessageKind>(buffer[0]), std::exchange(partial_, {})};
  }
}

std::optional<Message> Channel::receive(int timeout_ms) {
  for (bool closed = false;;) {
    if (auto message = poll_message(closed)) return message;
    if (closed) return std::nullopt;
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
  }
}

}  // namespace millrace::run
