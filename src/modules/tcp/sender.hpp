// SPDX-License-Identifier: Apache-2.0
// One thread's sending: as fast as its connections take it.
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
#include "modules/tcp/zero_copy.hpp"
#include "units/result.hpp"

namespace millrace::tcp {

class Sender {
 public:
  // One connection or more, none of which another thread touches.
  static Result<Sender> make(std::span<Connection* const> connections, const StreamOptions& options);

  // Until stopped(), or until a peer ended. Ends the streams in the one case; in both, says what the kernel
  // counted.
  Result<LoopEnd> run(const sdk::Host& host, const std::function<bool()>& stopped);

 private:
  struct Stream {
    Connection* connection = nullptr;
    ZeroCopy zero_copy;
    tcp_info before = {};
    std::int64_t moved_ns = 0;
    std::uint32_t since_reaped = 0;
  };
  enum class Turn { kFine, kPeerEnded };

  Result<Turn> send_once(Stream& stream, std::int64_t now_ns);
  Result<LoopEnd> loop(const sdk::Host& host, const std::function<bool()>& stopped);
  Result<void> look(const sdk::Host& host, std::int64_t now_ns);
  void count(const sdk::Host& host) const;

  std::vector<Stream> streams_;
  StreamOptions options_;
  std::vector<std::byte> block_;
  Socket epoll_;  // where there are several connections
  int flags_ = 0;
};

}  // namespace millrace::tcp
