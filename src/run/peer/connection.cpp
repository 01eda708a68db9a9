// SPDX-License-Identifier: Apache-2.0
#include "run/peer/connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

// A message is cut into frames of that many bytes; each goes as its size, four bytes, and its seal.
constexpr std::size_t kFrame = std::size_t{32} * 1024;
constexpr std::size_t kSeal = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t kSizeBytes = 4;
// What waits to be sent to a host that takes nothing.
constexpr std::size_t kMostWaiting = 2 * kMostOfMessage;
constexpr std::size_t kReadAtOnce = std::size_t{256} * 1024;

std::size_t size_at(const char* bytes) {
  std::size_t size = 0;
  for (int i = 3; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  return size;
}

unsigned char* raw(std::string& text, std::size_t at = 0) {
  return reinterpret_cast<unsigned char*>(text.data() + at);
}

}  // namespace

Connection::Connection(Socket socket, const Stream& sealing, const Stream& opening)
    : socket_(std::move(socket)), sealing_(sealing), opening_(opening), heard_ns_(monotonic_ns()) {}

short Connection::poll_events() const {
  return static_cast<short>(out_at_ < out_.size() ? POLLIN | POLLOUT : POLLIN);
}

void Connection::lose(std::string why) {
  if (lost_.empty()) lost_ = std::move(why);
}

void Connection::send(Kind kind, std::string_view body) {
  if (!lost_.empty()) return;
  if (body.size() >= kMostOfMessage || out_.size() - out_at_ + body.size() > kMostWaiting)
    return lose("the other host does not take what is sent to it");
  std::string plain;
  for (bool first = true; first || !body.empty(); first = false) {
    plain.clear();
    if (first) plain.push_back(static_cast<char>(kind));
    const std::string_view part = body.substr(0, kFrame - plain.size());
    body.remove_prefix(part.size());
    plain.append(part);
    const std::size_t sealed = plain.size() + kSeal;
    for (std::size_t i = 0; i < kSizeBytes; ++i) out_.push_back(static_cast<char>(sealed >> (8 * i) & 0xff));
    const std::size_t at = out_.size();
    out_.resize(at + sealed);
    crypto_secretstream_xchacha20poly1305_push(
        &sealing_, raw(out_, at), nullptr, raw(plain), plain.size(), nullptr, 0,
        body.empty() ? crypto_secretstream_xchacha20poly1305_TAG_PUSH
                     : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);
  }
  push_out();
}

void Connection::push_out() {
  while (out_at_ < out_.size()) {
    const ssize_t sent =
        ::send(fd(), out_.data() + out_at_, out_.size() - out_at_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) lose(std::strerror(errno));
      break;
    }
    out_at_ += static_cast<std::size_t>(sent);
  }
  if (out_at_ == out_.size() || out_at_ > kReadAtOnce) {
    out_.erase(0, out_at_);
    out_at_ = 0;
  }
}

void Connection::pull_in() {
  if (in_at_ > 0) in_.erase(0, std::exchange(in_at_, 0));
  // Bounded: what is not taken yet stays with the kernel, and with the sender.
  while (in_.size() < kReadAtOnce) {
    const std::size_t at = in_.size();
    in_.resize(at + kFrame);
    const ssize_t got = recv(fd(), in_.data() + at, kFrame, MSG_DONTWAIT);
    const int reason = errno;
    in_.resize(at + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) {
      heard_ns_ = monotonic_ns();
      if (static_cast<std::size_t>(got) < kFrame) return;
      continue;
    }
    if (got == 0) return lose("it was closed by the other end");
    if (reason == EINTR) continue;
    if (reason != EAGAIN && reason != EWOULDBLOCK) lose(std::strerror(reason));
    return;
  }
}

// Takes one frame of what has come. False when there is no whole one.
bool Connection::open_frame() {
  if (in_.size() - in_at_ < kSizeBytes) return false;
  const std::size_t sealed = size_at(in_.data() + in_at_);
  if (sealed < kSeal || sealed > kFrame + kSeal) {
    lose("what came is not sealed by the other host");
    return false;
  }
  if (in_.size() - in_at_ - kSizeBytes < sealed) return false;
  const std::size_t at = partial_.size();
  partial_.resize(at + sealed - kSeal);
  unsigned char tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(&opening_, raw(partial_, at), nullptr, &tag,
                                                 raw(in_, in_at_ + kSizeBytes), sealed, nullptr, 0) != 0 ||
      partial_.size() > kMostOfMessage || (partial_.empty())) {
    lose("what came is not sealed by the other host");
    return false;
  }
  in_at_ += kSizeBytes + sealed;
  whole_ = tag == crypto_secretstream_xchacha20poly1305_TAG_PUSH;
  return true;
}

std::optional<Sealed> Connection::receive() {
  if (lost_.empty()) push_out();
  // What came before the connection was lost still counts.
  const bool was_lost = !lost_.empty();
  for (int round = 0; round < 2; ++round) {
    while (open_frame())
      if (std::exchange(whole_, false)) {
        Sealed message{static_cast<Kind>(partial_.front()), partial_.substr(1)};
        partial_.clear();
        return message;
      }
    if (round == 0 && !was_lost) pull_in();
  }
  return std::nullopt;
}

std::optional<Sealed> Connection::wait(std::int64_t timeout_ns) {
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  for (;;) {
    if (auto message = receive()) return message;
    const std::int64_t left = deadline - monotonic_ns();
    if (!lost_.empty() || left <= 0) return std::nullopt;
    pollfd waiting{fd(), poll_events(), 0};
    if (poll(&waiting, 1, static_cast<int>(left / 1'000'000 + 1)) < 0) return std::nullopt;
  }
}

void Connection::flush(std::int64_t timeout_ns) {
  const std::int64_t deadline = monotonic_ns() + timeout_ns;
  for (push_out(); lost_.empty() && out_at_ < out_.size(); push_out()) {
    const std::int64_t left = deadline - monotonic_ns();
    pollfd waiting{fd(), POLLOUT, 0};
    if (left <= 0 || (poll(&waiting, 1, static_cast<int>(left / 1'000'000 + 1)) < 0 && errno != EINTR))
      return;
  }
}

}  // namespace millrace::run::peer
