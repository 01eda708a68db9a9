// SPDX-License-Identifier: Apache-2.0
#include "run/pair_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "diagnose/conventions.hpp"

namespace millrace::run {
namespace {

namespace conventions = diagnose::conventions;

constexpr std::uint64_t kLeastCheckpoint = std::uint64_t{16} << 20,
                        kMostCheckpoint = std::uint64_t{256} << 20;
constexpr double kCheckpoint_s = 0.5;

enum class Traffic { kIngest, kCollective, kCheckpoint, kReading, kCopies, kLink, kRoundTrip };

std::string_view parameter(const Planned& planned, const char* name) {
  const auto found = planned.plan.parameters.find(name);
  return found == planned.plan.parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<Traffic> traffic_of(const Planned& planned) {
  if (planned.together != 0 || planned.plan.status != "ok") return std::nullopt;
  const std::string_view probe = planned.plan.entry.probe->name;
  if (probe == conventions::kPipeline)
    return parameter(planned, conventions::kSource) == "cold" &&
                   parameter(planned, conventions::kWay) != "direct"
               ? std::optional(Traffic::kIngest)
               : std::nullopt;
  if (probe == "nccl.all_reduce") return Traffic::kCollective;
  if (probe == "storage.write") return Traffic::kCheckpoint;
  if (probe == conventions::kStorageRead) return Traffic::kReading;
  if (probe == conventions::kMemoryCopy) return Traffic::kCopies;
  // What is read over a network comes this way; between hosts alone: else it is no link.
  if (planned.plan.others == nullptr) return std::nullopt;
  if (probe == kStreamProbe && parameter(planned, kDirection) == kTowardsHere) return Traffic::kLink;
  if (probe == kRoundTripProbe) return Traffic::kRoundTrip;
  return std::nullopt;
}

// What a workload has at the same time, the dearest question first.
constexpr std::array<std::pair<Traffic, Traffic>, 9> kAtTheSameTime{
    {{Traffic::kReading, Traffic::kLink},
     {Traffic::kIngest, Traffic::kLink},
     {Traffic::kReading, Traffic::kRoundTrip},
     {Traffic::kIngest, Traffic::kCollective},
     {Traffic::kIngest, Traffic::kCheckpoint},
     {Traffic::kReading, Traffic::kCheckpoint},
     {Traffic::kIngest, Traffic::kCopies},
     {Traffic::kReading, Traffic::kCopies},
     {Traffic::kCheckpoint, Traffic::kCopies}}};

// A copy within one place has no path in the graph, yet crosses that memory's controller: its end stands for
// it.
std::set<std::string> crossed_by(const Planned& planned, const topology::Topology& topology) {
  std::set<std::string> crossed;
  for (const WorkerPlan& worker : planned.plan.workers) {
    for (const topology::Hop& hop : topology::path_between(topology, worker.from, worker.to))
      crossed.insert(hop.resource);
    for (const std::string* end : {&worker.from, &worker.to})
      for (const std::string& one : topology::ends_of(*end))
        if (const auto* endpoint = topology::find_endpoint(topology, one);
            endpoint && endpoint->kind == "memory")
          crossed.insert(one);
  }
  return crossed;
}

std::string said(const Planned& planned) {
  return planned.label.empty() ? std::string(planned.plan.entry.probe->name)
                               : fmt::format("{} of {}", planned.plan.entry.probe->name, planned.label);
}

}  // namespace

std::uint64_t checkpoint_bytes(std::uint64_t cap, double surveyed_bytes_per_s) {
  if (cap / 8 < kLeastCheckpoint) return 0;
  const auto written = static_cast<std::uint64_t>(std::max(0.0, surveyed_bytes_per_s) * kCheckpoint_s);
  constexpr std::uint64_t kWhole = 1 << 20;
  return std::clamp(written / kWhole * kWhole, kLeastCheckpoint,
                    std::min(cap / 8 / kWhole * kWhole, kMostCheckpoint));
}

std::vector<Pair> pairs_that_share(const std::vector<Planned>& alone, const topology::Topology& topology) {
  const auto first_of = [&](Traffic traffic) {
    const auto found = std::find_if(alone.begin(), alone.end(),
                                    [&](const Planned& planned) { return traffic_of(planned) == traffic; });
    return static_cast<std::size_t>(found - alone.begin());
  };
  std::vector<Pair> pairs;
  for (const auto& [one, other] : kAtTheSameTime) {
    const bool asked_for = other == Traffic::kLink || other == Traffic::kRoundTrip;
    const Pair pair{first_of(one), first_of(other), 0, asked_for};
    if (pair.first == alone.size() || pair.second == alone.size()) continue;
    const auto mine = crossed_by(alone[pair.first], topology);
    int shared = 0;
    for (const std::string& resource : crossed_by(alone[pair.second], topology))
      shared += mine.contains(resource) ? 1 : 0;
    pairs.push_back({pair.first, pair.second, shared, asked_for});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::pair(a.asked_for, a.shared) > std::pair(b.asked_for, b.shared);
  });
  return pairs;
}

void add_pairs(const Job& job, const TimePlan& time, const topology::Machine& machine, Planner& planner,
               std::vector<std::string>& left_out) {
  const LaunchOptions together = timed(time.unit_s * kTogetherWeight, 0);
  if (time.pairs > 0 && time.checkpoint_bytes > 0)
    if (const auto added = planner.add("storage.write", "checkpoint",
                                       {{"path", job.paths.front().string()},
                                        {"file-size", std::to_string(time.checkpoint_bytes)},
                                        {"block-size", "1MiB"},
                                        {"queue-depth", "8"}},
                                       timed(time.unit_s * kTogetherWeight, 0.05), job.repeats);
        !added)
      left_out.push_back(fmt::format("the writing of a checkpoint is left out: {}", added.error().what));
  const std::vector<Planned> alone = planner.planned();
  const std::vector<Pair> pairs = pairs_that_share(alone, machine.graph);
  std::vector<std::string> no_time;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Planned &first = alone[pairs[i].first], &second = alone[pairs[i].second];
    if (static_cast<int>(i) >= time.pairs) {
      no_time.push_back(fmt::format("{} beside {}", said(first), said(second)));
      continue;
    }
    const int group = planner.new_group();
    for (const Planned* one : {&first, &second}) {
      Planned& beside = planner.add_again(*one, together, job.repeats, group);
      // A search for the best number of threads would be half of a run this short.
      if (beside.plan.parameters.contains("sweep-threads")) beside.plan.parameters["sweep-threads"] = "off";
    }
  }
  if (!no_time.empty())
    left_out.push_back(
        fmt::format("for want of time these are not measured together: {} (--thorough has more)",
                    fmt::join(no_time, "; ")));
}

}  // namespace millrace::run
