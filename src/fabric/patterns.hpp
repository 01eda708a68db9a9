// SPDX-License-Identifier: Apache-2.0
// The traffic patterns, each in closed form for one rank after the other; route.hpp has the model.
#pragma once

#include "fabric/crossings.hpp"
#include "workload/traffic.hpp"

namespace millrace::fabric {

void route_ring(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic);
void route_chain(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic);
void route_all_to_all(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic);
// kRead or kWrite: with shared storage where there is any, else with the hosts' own drives.
void route_storage(Crossings& crossings, const JobRanks& job, const workload::Traffic& traffic);

}  // namespace millrace::fabric
