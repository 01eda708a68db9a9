// SPDX-License-Identifier: Apache-2.0
// Bandwidths of a collective, after nccl-tests (doc/PERFORMANCE.md). With S the bytes of the whole array and
// t the time of the slowest rank:
//   algorithm bandwidth = S / t             bus bandwidth = algorithm bandwidth * bus_factor
// For all_gather and reduce_scatter S is the whole gathered array, for the others one rank's array.
#pragma once

#include <cstdint>
#include <string_view>

namespace millrace::collective {

enum class Collective {
  kAllReduce,
  kAllGather,
  kReduceScatter,
  kBroadcast,
  kReduce,
  kAllToAll,
  kGather,
  kScatter,
  kSendReceive,
};

std::string_view name_of(Collective collective);  // "all_reduce"
// Whether it computes: all_reduce, reduce_scatter, reduce.
bool reduces(Collective collective);

// Of n >= 2 ranks: all_reduce 2(n-1)/n; all_gather, reduce_scatter, alltoall, gather, scatter (n-1)/n;
// broadcast, reduce, sendrecv 1. Of fewer ranks nothing crosses a bus: 0.
double bus_factor(Collective collective, std::uint64_t ranks);

// The least rate that each rank's own NIC must have carried, had the library built a ring within and between
// `hosts` hosts of as many ranks each, given the bus bandwidth: bus * (hosts-1)/(ranks-1). It is a floor:
// trees and reductions in the network cross the NICs otherwise. 0 with one host, where nothing leaves.
double wire_rate_floor(double bus_bytes_per_s, std::uint64_t hosts, std::uint64_t ranks);

}  // namespace millrace::collective
