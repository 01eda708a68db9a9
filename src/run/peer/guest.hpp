// SPDX-License-Identifier: Apache-2.0
// One session of a peer: does what the host that asked may ask for.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "run/catalog.hpp"
#include "run/launch.hpp"
#include "run/peer/connection.hpp"
#include "run/peer/door.hpp"
#include "run/peer/messages.hpp"
#include "run/port_range.hpp"
#include "topology/discover.hpp"

namespace millrace::run::peer {

// What this host's operator lets a guest's probes use of its network.
struct Allowance {
  std::vector<std::string> addresses;  // besides those of the session, see address_range.hpp
  PortRange ports;
};

class Guest {
 public:
  using Say = std::function<void(const std::string& line)>;
  Guest(Connection connection, Door& door, const topology::Machine& machine, const Catalog& catalog,
        Allowance allowed, Say say);

  // Until it says good-bye, is lost, asks nothing for so long, or this process is interrupted.
  void serve(Duration idle);

 private:
  void introduce();
  // False: the session is over.
  bool answer(const Sealed& message);
  PlanAnswer plan(PlanRequest request);
  Result<ProbeEntry> permitted(PlanRequest& request) const;
  bool agree_on_addresses(HostGroup& hosts) const;
  void launch(const LaunchRequest& request);
  void report(const InstanceOutcome& outcome, const std::string& why_stopped) const;

  Connection connection_;
  Door& door_;
  const topology::Machine& machine_;
  const Catalog& catalog_;
  Allowance allowed_;
  Say say_;
  std::optional<InstancePlan> plan_;
  int launches_ = 0;
};

}  // namespace millrace::run::peer
