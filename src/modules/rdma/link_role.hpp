// SPDX-License-Identifier: Apache-2.0
// Which end of which link a worker is. A link joins one port of the near host (host 0, which asked) to one of
// a far one (a peer; the same host where there is none), and its messages go one way: a bidirectional
// measurement has two links for each pair of ports.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::rdma {

struct LinkRole {
  bool initiator = true;  // it posts the operations; the responder is written to, read from or sent to
  int peer = 0;           // the far host's index; 0: both ends are on this one
  int lane = 0;           // which pair of ports
  bool reversed = false;  // the far end initiates

  [[nodiscard]] bool near() const { return initiator != reversed; }
  [[nodiscard]] LinkRole other_end() const { return {!initiator, peer, lane, reversed}; }
  // "initiator 1.0", "responder 1.0r": also the worker's role, as people see it.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static std::optional<LinkRole> parse(std::string_view text);
  bool operator==(const LinkRole&) const = default;
};

}  // namespace millrace::rdma
