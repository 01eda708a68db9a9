// SPDX-License-Identifier: Apache-2.0
// One thread's receiving: what arrives counts here, and here only.
#pragma once

#include <linux/tcp.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/tcp/connection.hpp"
#include "modules/tcp/stream_options.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

// How many bytes must have come before the kernel wakes the receiver (SO_RCVLOWAT). Every wake-up costs
// microseconds of CPU time on both sides of it, but waiting delays what came first: so only as many as come
// within kDelayNs at the rate of the last milliseconds; over a slow link, one.
class WakeUp {
 public:
  explicit WakeUp(std::size_t most) : most_(most < kMost ? most : kMost) {}

  // A new number when it has changed enough to be worth telling the kernel; else 0.
  int received(std::size_t bytes, std::int64_t now_ns) {
    in_window_ += bytes;
    const std::int64_t length_ns = now_ns - window_begin_ns_;
    if (length_ns < kWindowNs) return 0;
    const double within_delay =
        static_cast<double>(in_window_) * static_cast<double>(kDelayNs) / static_cast<double>(length_ns);
    const std::size_t wanted = within_delay < 1 ? 1
                               : within_delay > static_cast<double>(most_)
                                   ? most_
                                   : static_cast<std::size_t>(within_delay);
    window_begin_ns_ = now_ns;
    in_window_ = 0;
    if (wanted < 2 * told_ && 2 * wanted > told_) return 0;
    told_ = wanted;
    return static_cast<int>(wanted);
  }

 private:
  static constexpr std::int64_t kWindowNs = 2'000'000, kDelayNs = 100'000;
  static constexpr std::size_t kMost = 128 << 10;
  std::size_t most_, told_ = 1, in_window_ = 0;
  std::int64_t window_begin_ns_ = 0;
};

class Receiver {
 public:
  // One connection or more, none of which another thread touches.
  static Result<Receiver> make(std::span<Connection* const> connections, const StreamOptions& options);

  // Until stopped(), or until a peer ended; then says what the kernel counted.
  Result<LoopEnd> run(const sdk::Host& host, const std::function<bool()>& stopped);

 private:
  struct Stream {
    Connection* connection = nullptr;
    WakeUp wake_up;
    tcp_info before = {};
    std::uint64_t bytes = 0;
    std::int64_t moved_ns = 0;
  };
  enum class Turn { kFine, kPeerEnded };

  Result<Turn> receive_once(const sdk::Host& host, Stream& stream, sdk::Recorder& recorder);
  Result<LoopEnd> loop(const sdk::Host& host, const std::function<bool()>& stopped, sdk::Recorder& recorder);

  std::vector<Stream> streams_;
  StreamOptions options_;
  std::vector<std::byte> block_;
  Socket epoll_;  // where there are several connections
  int flags_ = 0;
};

}  // namespace millrace::tcp
