// SPDX-License-Identifier: Apache-2.0
// The parts of an answer's way: what each takes, and whether that was measured, computed or given.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/host_rates.hpp"
#include "diagnose/latency/sum.hpp"
#include "record/result.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

// A part before it stands on a grid: counted times, or a median and a 99th percentile.
struct PartTime {
  std::string name, source;
  workload::PartKind kind = workload::PartKind::kFixed;
  double p50_s = 0, p99_s = 0;
  std::optional<stats::LatencyHistogram> counted;
  double counted_scale = 1;  // 2: half round trips were counted
  bool measured = false;
  std::vector<std::string> evidence;
  int longest_of = 1;
  double mended = 1;  // all its times are this many times as long: to ask what mending it gives

  [[nodiscard]] Distribution on(Grid grid) const;
  // The quantile of one rank; nothing where too few were counted.
  [[nodiscard]] std::optional<double> quantile(double q) const;
};

struct ServingHops {  // of this host, while all replicas on it work at once
  HopRate read, copy;
  int replicas = 1, gpus = 1;
  bool on_fabric = false;  // no host's document is there to measure the way to the client
};

// In the profile's order. The network's part is measured by a tcp.latency or rdma.* with latencies, best by
// one labelled "network"; of others one over loopback counts for nothing, nor one ten times shorter than a
// distant profile's own. The queue's time follows from the others' and is left at 0.
std::vector<PartTime> part_times(const record::Document& document, const workload::Profile& profile,
                                 const ServingHops& hops, std::vector<std::string>& notes);

// The parts that hold the replica while a request is served, so that others queue for it.
bool holds_the_replica(workload::PartKind kind);

}  // namespace millrace::diagnose
