// SPDX-License-Identifier: Apache-2.0
// Patterns in which each rank talks to the next one of its group.
#include "fabric/group_math.hpp"
#include "fabric/patterns.hpp"

namespace millrace::fabric {
namespace {

// A message by itself, wherever its ends are.
void send(Crossings& crossings, const JobRanks& job, std::int64_t from, std::int64_t to, double bytes) {
  const std::int64_t a = job.first_host + job.host(from), b = job.first_host + job.host(to);
  const std::int64_t source = from % job.gpus, target = to % job.gpus;
  if (a == b) return source == target ? void() : crossings.nvlink(a, source, target, bytes);
  const std::int64_t by = crossings.by_rails() ? target : source;
  if (by != source) crossings.nvlink(a, source, by, bytes);
  crossings.out(a, by, bytes);
  crossings.in(b, target, bytes);
  crossings.between(a, b, target, bytes);
}

// What comes to one member of a ring from the host before its own.
void ring_between_hosts(Crossings& crossings, const JobRanks& job, const RankGroup& group, std::int64_t rank,
                        const Places& here, double bytes) {
  const std::int64_t own = job.host(rank), gpu = rank % job.gpus;
  const std::int64_t before = job.host(group.member(here.begin > 0 ? here.begin - 1 : group.size - 1));
  const std::int64_t a = job.first_host + before, b = job.first_host + own;
  if (!crossings.by_rails()) {
    crossings.out(b, gpu, bytes);  // as much goes on to the host behind it
  } else {
    crossings.out(a, gpu, bytes);
    if (!group.holds(before * job.gpus + gpu)) {
      const Places there = between(group, before * job.gpus, (before + 1) * job.gpus);
      crossings.nvlink_in(a, gpu, bytes);
      for (std::int64_t place = there.begin; place < there.end; ++place)
        crossings.nvlink_out(a, group.member(place) % job.gpus, bytes / static_cast<double>(there.count()));
    }
  }
  crossings.in(b, gpu, bytes);
  crossings.between(a, b, gpu, bytes);
}

}  // namespace

void route_chain(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic) {
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) {
    const RankGroup group(rank, traffic, job.ranks);
    if (group.place(rank) + 1 >= group.size) continue;
    send(crossings, job, rank, rank + group.stride, traffic.bytes_per_rank);
    send(crossings, job, rank + group.stride, rank, traffic.bytes_per_rank);
  }
}

void route_ring(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic) {
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) {
    const RankGroup group(rank, traffic, job.ranks);
    if (group.size < 2) continue;
    const std::int64_t own = job.host(rank);
    const Places here = between(group, own * job.gpus, (own + 1) * job.gpus);
    // Members lie less than a host apart, or no two on one host: no host is left out between the first and
    // the last.
    const std::int64_t hosts = group.stride >= job.gpus
                                   ? group.size
                                   : job.host(group.member(group.size - 1)) - job.host(group.base) + 1;
    const auto n = static_cast<double>(group.size), m = static_cast<double>(here.count()),
               k = static_cast<double>(hosts);
    if (here.count() > 1) {
      const double bytes = traffic.bytes_per_rank * n * (m - 1) / (m * (n - 1));
      crossings.nvlink(job.first_host + own, rank % job.gpus, rank % job.gpus, bytes);
    }
    if (hosts > 1)
      ring_between_hosts(crossings, job, group, rank, here,
                         traffic.bytes_per_rank * n * (k - 1) / (k * (n - 1)) / m);
  }
}

}  // namespace millrace::fabric
