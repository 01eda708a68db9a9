// SPDX-License-Identifier: Apache-2.0
#include "run/peer/session.hpp"

#include <fmt/format.h>

#include "run/interrupt.hpp"
#include "run/peer/handshake.hpp"

namespace millrace::run::peer {
namespace {

constexpr std::int64_t kMachineTime_ns = 20'000'000'000;  // discovery, and a long way

}  // namespace

Result<Session> Session::open(const Address& address, const Token& token) {
  auto connection = call(address, token);
  if (!connection) return tl::unexpected(connection.error());
  Session session(std::move(*connection));
  session.name_ = to_text(address);
  session.address_ = other_end(session.connection_.socket()).host;
  session.own_address_ = own_end(session.connection_.socket()).host;
  const auto message = session.connection_.wait(kMachineTime_ns);
  if (was_interrupted()) return failure("interrupted", "", Exit::kInterrupted);
  if (!message) return failure(session.loss(), "its terminal says why", Exit::kInconclusive);
  auto machine = message->kind == Kind::kMachine ? decode_machine(message->body) : std::nullopt;
  if (!machine)
    return failure(
        fmt::format("the peer {} describes its machine in a way that cannot be read", session.name_),
        "install the same version of millrace on both hosts", Exit::kInconclusive);
  session.name_ = fmt::format("{} ({})", machine->machine.host.name, to_text(address));
  session.machine_ = std::move(machine->machine);
  if (without_scope(machine->own_address) != without_scope(session.address_) ||
      without_scope(machine->askers_address) != without_scope(session.own_address_))
    return failure(
        fmt::format("{} is reached as {} but is {} there, and sees this host, {}, as {}", session.name_,
                    session.address_, machine->own_address, session.own_address_, machine->askers_address),
        "addresses are translated on the way (NAT): let both hosts reach each other directly",
        Exit::kInconclusive);
  return session;
}

void Session::ask_for_plan(const PlanRequest& request) { connection_.send(Kind::kPlan, encode(request)); }

Result<PlanAnswer> Session::hear_plan(Duration patience) {
  auto message = connection_.wait(patience.ns);
  while (message && message->kind == Kind::kPong)
    message = connection_.wait(patience.ns);  // of a ping before
  if (was_interrupted()) return failure("interrupted", "", Exit::kInterrupted);
  if (!message && connection_.lost().empty()) {
    connection_.lose(
        "it did not plan a measurement in time");  // its answer may yet come, to whatever is asked then
    return failure(fmt::format("{} did not plan the measurement within {}", name_, to_text(patience)),
                   "its terminal may say why", Exit::kInconclusive);
  }
  auto answer = message && message->kind == Kind::kPlan ? decode_plan_answer(message->body) : std::nullopt;
  if (!answer) {
    if (message) connection_.lose("it answers what cannot be read");
    return failure(loss(), "its terminal may say why", Exit::kInconclusive);
  }
  return std::move(*answer);
}

std::string Session::loss() const {
  return fmt::format("the connection to {} was lost: {}", name_,
                     connection_.lost().empty() ? "it did not answer in time" : connection_.lost());
}

}  // namespace millrace::run::peer
