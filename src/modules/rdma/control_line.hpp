// SPDX-License-Identifier: Apache-2.0
// A small reliable queue pair of its own between the two ends of a link: by it an end says that it is done
// with a phase or has failed, and feels whether the other is still there. The core may stop the two ends at
// different times; neither takes its queue pairs away before both have said that they are done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "modules/rdma/queue_pair.hpp"
#include "modules/rdma/region.hpp"
#include "modules/rdma/verbs.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

class ControlLine {
 public:
  static Result<ControlLine> make(ibv_pd* domain);

  [[nodiscard]] ibv_qp* queue_pair() const { return pair_.get(); }
  [[nodiscard]] RemoteMemory memory() const;
  // Before the other end may send.
  Result<void> post_receives();
  // `port`: of this end's device.
  void connected(const RemoteMemory& theirs, std::uint8_t port, std::string here, std::string there);

  // Takes what has arrived and, twice a second, feels for the other end. Cheap: call it every millisecond or
  // so. Fails when the other end has failed, with its reason, or is gone, or when this end's port is down for
  // seconds.
  Result<void> tend(std::int64_t now_ns);

  // This end is done with the phase (counted from 0) and begins the next.
  Result<void> say_done();
  [[nodiscard]] bool other_is_done() const { return other_phases_ > phase_; }
  [[nodiscard]] bool other_was_done() const { return other_phases_ >= phase_; }  // with the one before
  // All that this end said has arrived.
  [[nodiscard]] bool is_heard() const { return unheard_ == 0; }
  [[nodiscard]] bool other_has_failed() const { return other_failed_.has_value(); }
  // Best effort, a third of a second: there may be nobody left to hear it.
  void say_failed(const std::string& reason);

  [[nodiscard]] bool is_connected() const { return connected_; }

 private:
  struct Message {
    std::uint32_t kind, phase;
    char text[504];
  };
  static constexpr std::uint32_t kReceives = 16, kSends = 16;
  enum Kind : std::uint32_t { kDone = 1, kFailed = 2 };

  ControlLine(CompletionQueue completions, Region region, MemoryRegion registered, QueuePair pair);
  Result<void> post_receive(std::uint32_t slot);
  Result<void> send(Kind kind, const std::string& text);
  void take(const Message& message);
  void feel();
  Result<void> watch_port(std::int64_t now_ns);
  [[nodiscard]] Message* message(std::uint32_t slot) const {
    return reinterpret_cast<Message*>(region_.data()) + slot;
  }

  Region region_;  // slots to receive into, then slots to send from
  MemoryRegion registered_;
  CompletionQueue completions_;
  QueuePair pair_;
  RemoteMemory theirs_;
  std::uint8_t port_ = 1;
  std::string here_, there_;
  std::uint32_t phase_ = 0, other_phases_ = 0, sent_ = 0, unheard_ = 0;
  std::optional<std::string> other_failed_;
  std::int64_t feel_next_ns_ = 0, down_since_ns_ = 0;  // 0: this end's port is up
  bool feeling_ = false, connected_ = false;
};

}  // namespace millrace::rdma
