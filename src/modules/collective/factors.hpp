// SPDX-License-Identifier: Apache-2.0
// Bandwidths of a collective, after nccl-tests (doc/PERFORMANCE.md). With S the bytes of the whole array and
// t the time of the slowest rank:
//   algorithm bandwidth = S / t             bus bandwidth = algorithm bandwidth * bus_factor
// For all_gather and reduce_scatter S is the whole gathered array, for the others one rank's array.
#pragma once

#include <cstdint>
#include <optional>
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
// Whether S is dealt out in as many shares as there are ranks: all but all_reduce, broadcast, reduce and
// sendrecv.
bool deals_out(Collective collective);

// Of n >= 2 ranks: all_reduce 2(n-1)/n; all_gather, reduce_scatter, alltoall, gather, scatter (n-1)/n;
// broadcast, reduce, sendrecv 1. Of fewer ranks nothing crosses a bus: 0.
double bus_factor(Collective collective, std::uint64_t ranks);

// What each rank's busiest port carries of one collective, in S, by the algorithm that moves it ("ring",
// "tree", "nvls"; "": not known). Nothing where that is not known. Where each byte goes straight to its rank
// (alltoall, gather, scatter, sendrecv) it is the bus factor, whatever the algorithm; of a ring too. Derived
// for all_reduce from how NCCL works (Hu et al., "Demystifying NCCL", 2025): tree (a double binary tree: each
// rank is a leaf of one half and hands the other half up once and down twice): 2; nvls (each rank gives its
// whole array to the switch and takes back a reduced share, then writes that share and takes back the whole):
// 1 + 1/n.
std::optional<double> wire_factor(Collective collective, std::string_view algorithm, std::uint64_t ranks);

// The least rate that each rank's own NIC must have carried, had the library built a ring within and between
// `hosts` hosts of as many ranks each, given the bus bandwidth: bus * (hosts-1)/(ranks-1). It is a floor:
// trees and reductions in the network cross the NICs otherwise. 0 with one host, where nothing leaves.
double wire_rate_floor(double bus_bytes_per_s, std::uint64_t hosts, std::uint64_t ranks);

}  // namespace millrace::collective
