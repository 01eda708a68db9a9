// SPDX-License-Identifier: Apache-2.0
// A session with one peer, as the host that asked sees it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "run/catalog.hpp"
#include "run/peer/clock_offset.hpp"
#include "run/peer/connection.hpp"
#include "run/peer/messages.hpp"
#include "run/peer/token.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

class Session {
 public:
  // Connects, proves the token, hears which machine it is, and checks that both ends see the same addresses.
  static Result<Session> open(const Address& address, const Token& token);

  [[nodiscard]] const std::string& name() const { return name_; }  // "node2 (10.0.0.2:7411)"
  [[nodiscard]] const topology::Machine& machine() const { return machine_; }
  [[nodiscard]] const std::string& address() const { return address_; }          // the peer's, numeric
  [[nodiscard]] const std::string& own_address() const { return own_address_; }  // towards it
  Connection& connection() { return connection_; }
  [[nodiscard]] const Connection& connection() const { return connection_; }

  void ask_for_plan(const PlanRequest& request);
  // Waits for the answer. What the peer could not do is an answer too; an Error: it is lost.
  Result<PlanAnswer> hear_plan(Duration patience);

  // What everybody is told of a connection that was lost.
  [[nodiscard]] std::string loss() const;

 private:
  explicit Session(Connection connection) : connection_(std::move(connection)) {}
  Connection connection_;
  std::string name_, address_, own_address_;
  topology::Machine machine_;
};

}  // namespace millrace::run::peer
