// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "fabric/group_math.hpp"
#include "fabric/patterns.hpp"

namespace millrace::fabric {
namespace {

// All that one rank sends to the others, and what comes to it.
class AllToAll {
 public:
  AllToAll(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic)
      : crossings_(crossings),
        job_(job),
        traffic_(traffic),
        period_(job.gpus / std::gcd(std::max<std::int64_t>(1, traffic.stride), job.gpus)) {}

  void rank(std::int64_t rank) {
    const RankGroup group(rank, traffic_, job_.ranks);
    if (group.size < 2) return;
    const double each = traffic_.bytes_per_rank / static_cast<double>(group.size - 1);
    const std::int64_t own = job_.host(rank), host = job_.first_host + own, gpu = rank % job_.gpus;
    const Places all{0, group.size};
    const Places here = between(group, own * job_.gpus, (own + 1) * job_.gpus);
    const std::int64_t leaf_group = crossings_.group_of(host), pod = crossings_.pod_of(leaf_group);
    const std::int64_t leaf_hosts = crossings_.fabric().leaf.hosts;
    const Places behind_leaf =
        between(group, job_.begin_of(leaf_group * leaf_hosts), job_.begin_of((leaf_group + 1) * leaf_hosts));
    const auto times = [each](std::int64_t messages) { return each * static_cast<double>(messages); };

    crossings_.nvlink(host, gpu, gpu, times(here.count() - 1));
    const double outside = times(group.size - here.count());
    crossings_.in(host, gpu, outside);
    crossings_.leaves(Kind::kLeafDown, leaf_group, gpu, times(group.size - behind_leaf.count()));
    if (!crossings_.by_rails()) {
      crossings_.out(host, gpu, outside);
      crossings_.leaves(Kind::kLeafUp, leaf_group, gpu, times(group.size - behind_leaf.count()));
    } else {
      // By the place on the host that the receivers have: period_ of them occur, the first at the first
      // members.
      for (std::int64_t place = 0; place < std::min(period_, group.size); ++place) {
        const std::int64_t target = group.member(place) % job_.gpus;
        const std::int64_t receivers = all.count(place, period_);
        const std::int64_t away = receivers - here.count(place, period_);
        if (target != gpu) crossings_.nvlink(host, gpu, target, times(away));
        crossings_.out(host, target, times(away));
        crossings_.leaves(Kind::kLeafUp, leaf_group, target,
                          times(receivers - behind_leaf.count(place, period_)));
      }
    }
    if (!crossings_.fabric().core) return;
    const std::int64_t pod_hosts = crossings_.fabric().spine->groups * leaf_hosts;
    const Places in_pod =
        between(group, job_.begin_of(pod * pod_hosts), job_.begin_of((pod + 1) * pod_hosts));
    crossings_.pods(pod, pod, times(group.size - in_pod.count()));  // as much comes as goes
  }

 private:
  Crossings& crossings_;
  const JobRanks& job_;
  const workload::Traffic& traffic_;
  std::int64_t period_;
};

}  // namespace

void route_all_to_all(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic) {
  AllToAll pattern(crossings, job, traffic);
  for (std::int64_t rank = 0; rank < job.ranks; ++rank) pattern.rank(rank);
}

}  // namespace millrace::fabric
