// SPDX-License-Identifier: Apache-2.0
// A measurement with peers: all of them plan it, and one document holds them all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "record/result.hpp"
#include "run/launch.hpp"
#include "run/peer/hub.hpp"
#include "topology/discover.hpp"
#include "units/result.hpp"

namespace millrace::run::peer {

// Opens a session with each peer, in this order.
Result<std::vector<Session>> open_sessions(const std::vector<Address>& addresses,
                                           const std::vector<Token>& tokens);

// What every host is asked to plan.
struct PlanWanted {
  std::string probe;
  std::vector<std::pair<std::string, std::string>> given;  // as typed
  Duration answer_time;
};

// What each peer answers to that; of one that cannot, its status and reason are the answer. Errors: a
// connection is lost, and the Error says which.
Result<std::vector<PlanAnswer>> ask_peers(Hub& hub, const PlanWanted& wanted);

// Every host plans its own part, all at one time. An Error says which host it is about. The plan holds on to
// the hub.
Result<InstancePlan> plan_with(Hub& hub, const ProbeEntry& entry,
                               const std::vector<std::pair<std::string, std::string>>& given,
                               const topology::Machine& machine, Duration answer_time);

// This machine's graph with those of the peers, whose ids begin with "host1/", "host2/" and so on.
topology::Topology graph_with(const topology::Topology& own, Hub& hub);
// The peers as further hosts of the document, each with how far its clock is ahead.
void add_hosts(record::Document& document, Hub& hub);

}  // namespace millrace::run::peer
