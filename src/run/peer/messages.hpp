// SPDX-License-Identifier: Apache-2.0
// What hosts of one measurement tell each other. decode functions give nothing for a body that is none:
// whatever is in it is bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "run/describe.hpp"
#include "run/launch.hpp"
#include "run/other_hosts.hpp"
#include "topology/discover.hpp"

namespace millrace::run::peer {

inline constexpr std::size_t kMostHosts = 64, kMostRanks = 4096, kMostParameters = 256;
inline constexpr std::size_t kMostOfText = std::size_t{64} * 1024, kMostOfName = 256;  // bytes

struct MachineMessage {
  topology::Machine machine;
  std::string own_address, askers_address;  // the connection's ends as the peer sees them, numeric
};
struct PlanRequest {
  std::string probe;
  std::vector<std::pair<std::string, std::string>> given;  // as typed
  HostGroup hosts;
  Duration answer_time;
};
struct PlanAnswer {
  std::string status = "ok", reason, hint;
  bool usage = false;  // the reason is the user's to mend
  std::vector<WorkerPlan> workers;
};
struct LaunchRequest {
  int first_rank = 0, ranks = 0;  // of this host's workers, of all
  LaunchOptions options;
};
struct Failure {
  std::string status, reason, hint;
};
struct StopRequest {
  std::string reason, why;  // why: when it failed or was interrupted elsewhere
  std::uint64_t granted = 0;
};

std::string encode(const MachineMessage& message);
std::optional<MachineMessage> decode_machine(const std::string& body);
std::string encode(const PlanRequest& request);
std::optional<PlanRequest> decode_plan_request(const std::string& body);
std::string encode(const PlanAnswer& answer);
std::optional<PlanAnswer> decode_plan_answer(const std::string& body);
std::string encode(const LaunchRequest& request);
std::optional<LaunchRequest> decode_launch(const std::string& body);
std::string encode(const Failure& failure);
std::optional<Failure> decode_failure(const std::string& body);
std::string encode(const StopRequest& request);
std::optional<StopRequest> decode_stop(const std::string& body);
std::string encode(const Pace& pace);
std::optional<Pace> decode_pace(const std::string& body);
std::string encode(const HostRates& rates);
std::optional<HostRates> decode_rates(const std::string& body);
std::string encode(const std::vector<std::string>& gathered);
std::optional<std::vector<std::string>> decode_gathered(const std::string& body, std::size_t ranks);
std::string encode(const InstanceOutcome& outcome);
std::optional<InstanceOutcome> decode_outcome(const std::string& body);

// Of one number: kBegin, kGrant, kPing.
std::string encode(std::int64_t number);
std::optional<std::int64_t> decode_number(const std::string& body);
// kPong: the number of the ping, and the time at which it was answered.
std::string encode_pong(std::int64_t number, std::int64_t time_ns);
std::optional<std::pair<std::int64_t, std::int64_t>> decode_pong(const std::string& body);

}  // namespace millrace::run::peer
