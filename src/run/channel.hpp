// SPDX-License-Identifier: Apache-2.0
// Messages between the core and a worker over one socket pair, of any length.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::run {

// What a message is; its body is JSON, but for kExchange (raw bytes).
enum class MessageKind : char {
  kSpec = 's',       // core -> worker: what to run
  kReady = 'y',      // worker -> core: open is done
  kFailed = 'f',     // worker -> core: why it failed, before it gives back what it holds, which may take long
  kResult = 'r',     // worker -> core: how it ended, and what it found
  kLog = 'l',        // worker -> core
  kTemporary = 't',  // worker -> core: a path about to be created
  kAnswer = 'a',     // core -> worker: to kTemporary; empty body = go on, else why not
  kExchange = 'x',   // worker -> core: this rank's bytes; core -> worker: one message a rank, in order
  kBarrier = 'b',    // worker -> core: all of this host have come to the step barrier; of several hosts only
  kGrant = 'g',      // worker -> core: it has run all iterations that are granted; of several hosts only
};

struct Message {
  MessageKind kind;
  std::string body;
};

// One end. Sends and receives whole messages; a message is cut into packets of 64 KiB.
class Channel {
 public:
  explicit Channel(int fd = -1) : fd_(fd) {}
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&& other) noexcept;
  ~Channel();
  [[nodiscard]] int fd() const { return fd_; }

  // False when the other end is gone; a reader notices that too.
  bool send(MessageKind kind, std::string_view body) const;
  // Waits for the next whole message; nothing when the other end is gone or `timeout_ms` (negative: for ever)
  // is over.
  std::optional<Message> receive(int timeout_ms);
  // Takes what has arrived without waiting; nothing while no message is whole. `closed` tells that the other
  // end is gone.
  std::optional<Message> poll_message(bool& closed);

 private:
  int fd_;
  std::string partial_;
};

// Two connected ends, close-on-exec.
bool make_channel(int ends[2]);

}  // namespace millrace::run
