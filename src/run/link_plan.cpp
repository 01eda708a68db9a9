// SPDX-License-Identifier: Apache-2.0
#include "run/link_plan.hpp"

#include <algorithm>

#include "diagnose/conventions.hpp"

namespace millrace::run {
namespace {

constexpr double kStreamWeight = 0.4, kRoundTripWeight = 0.3, kRdmaWeight = 0.3;
// A stream is worth a core at each end, and from four on no link is too fast for them.
constexpr int kCpusOfAStream = 4, kMostStreams = 4;
constexpr const char* kOtherLink = "link";  // label: of a peer that is neither storage nor client

std::string label_of(const Job& job) {
  if (job.peer_is == kPeerIsStorage) return diagnose::conventions::kStorageNetwork;
  if (job.peer_is == kPeerIsClient) return diagnose::conventions::kClientNetwork;
  return kOtherLink;
}

bool has_rdma(const topology::Machine& machine) {
  return std::any_of(machine.graph.endpoints.begin(), machine.graph.endpoints.end(),
                     [](const topology::Endpoint& endpoint) { return endpoint.kind == "rdma"; });
}

}  // namespace

double LinkPlan::weight() const {
  double sum = 0;
  for (const LinkMeasurement& one : measurements) sum += one.weight;
  return sum;
}

LinkPlan plan_link(const Job& job, peer::Turns& turns, const topology::Machine& here,
                   const topology::Machine& there) {
  LinkPlan plan;
  plan.turns = &turns;
  const int cpus = std::min(here.host.cpu.threads, there.host.cpu.threads);
  const std::string streams = std::to_string(std::clamp(cpus / kCpusOfAStream, 1, kMostStreams));
  const std::string label = label_of(job);
  for (const char* direction : {kTowardsHere, "send"})
    plan.measurements.push_back(
        {kStreamProbe, label, {{kDirection, direction}, {"streams", streams}}, kStreamWeight});
  plan.measurements.push_back({kRoundTripProbe, label, {}, kRoundTripWeight});
  // Another way over the same cable, and no second hop behind it: so its label says nothing.
  if (has_rdma(here) && has_rdma(there))
    for (const char* probe : {"rdma.read", "rdma.write"})
      plan.measurements.push_back({probe, kOtherLink, {}, kRdmaWeight});
  return plan;
}

}  // namespace millrace::run
