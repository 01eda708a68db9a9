// SPDX-License-Identifier: Apache-2.0
// What the main job measures of the link to a peer: streams both ways and round trips, alone and, by
// pair_plan.hpp, beside the storage and the pipeline. Without a peer all of this is empty.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "run/job.hpp"
#include "run/peer/turns.hpp"
#include "topology/discover.hpp"

namespace millrace::run {

inline constexpr const char* kStreamProbe = "tcp.stream";
inline constexpr const char* kRoundTripProbe = "tcp.latency";
inline constexpr const char* kDirection = "direction";
inline constexpr const char* kTowardsHere = "receive";
inline constexpr int kLinkPairs = 3;  // that pair_plan.hpp has with the link

struct LinkMeasurement {
  std::string probe;
  std::string label;  // as src/diagnose/conventions.hpp has them
  std::vector<std::pair<std::string, std::string>> given;
  double weight = 0;  // of one repeat, in units of TimePlan
};

struct LinkPlan {
  peer::Turns* turns = nullptr;  // null: there is no peer
  std::vector<LinkMeasurement> measurements;

  [[nodiscard]] bool any() const { return turns != nullptr; }
  [[nodiscard]] double weight() const;
};

// TCP both ways and its round trip; RDMA reads and writes as well where both hosts have a device. What they
// are labelled is what the peer is (job.peer_is).
LinkPlan plan_link(const Job& job, peer::Turns& turns, const topology::Machine& here,
                   const topology::Machine& there);

}  // namespace millrace::run
