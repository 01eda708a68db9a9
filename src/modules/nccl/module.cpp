// SPDX-License-Identifier: Apache-2.0
// The module's entry point: collectives between GPUs by NCCL.
#include "millrace/probe.hpp"
#include "modules/cuda/driver.hpp"
#include "modules/cuda/failure.hpp"
#include "modules/nccl/newer_calls.hpp"
#include "modules/nccl/pairs_probe.hpp"
#include "modules/nccl/parameters.hpp"
#include "modules/nccl/probe.hpp"

namespace {

using namespace millrace;
using namespace millrace::nccl;
using namespace millrace::collective;

constexpr std::array kOfAllReduce = joined(kEveryCollective, kReducing, kInPlace, kEveryNccl);
constexpr std::array kOfAllGather = joined(kEveryCollective, kInPlace, kEveryNccl);
constexpr std::array kOfReduceScatter = joined(kEveryCollective, kReducing, kInPlace, kEveryNccl);
constexpr std::array kOfBroadcast = joined(kEveryCollective, kRoot, kInPlace, kEveryNccl);
constexpr std::array kOfReduce = joined(kEveryCollective, kReducing, kRoot, kInPlace, kEveryNccl);
constexpr std::array kOfAllToAll = joined(kEveryCollective, kInPlace, kEveryNccl, kForm);
constexpr std::array kOfRooted = joined(kEveryCollective, kRoot, kInPlace, kEveryNccl, kForm);
constexpr std::array kOfSendReceive = joined(kEveryCollective, kEveryNccl);

constexpr millrace_probe kAllReduce = probe_with<ProbeOf<Collective::kAllReduce>>(
    "nccl.all_reduce", "every rank gets the sum of all ranks' arrays, between GPUs", kOfAllReduce);
constexpr millrace_probe kAllGather = probe_with<ProbeOf<Collective::kAllGather>>(
    "nccl.all_gather", "every rank gets all ranks' parts of an array, between GPUs", kOfAllGather);
constexpr millrace_probe kReduceScatter = probe_with<ProbeOf<Collective::kReduceScatter>>(
    "nccl.reduce_scatter", "every rank gets its part of the sum of all arrays, between GPUs",
    kOfReduceScatter);
constexpr millrace_probe kBroadcast = probe_with<ProbeOf<Collective::kBroadcast>>(
    "nccl.broadcast", "every rank gets one rank's array, between GPUs", kOfBroadcast);
constexpr millrace_probe kReduce = probe_with<ProbeOf<Collective::kReduce>>(
    "nccl.reduce", "one rank gets the sum of all ranks' arrays, between GPUs", kOfReduce);
constexpr millrace_probe kAllToAll = probe_with<ProbeOf<Collective::kAllToAll>>(
    "nccl.alltoall", "every rank sends each other a part of its array, between GPUs", kOfAllToAll);
constexpr millrace_probe kGather = probe_with<ProbeOf<Collective::kGather>>(
    "nccl.gather", "one rank gets all ranks' parts of an array, between GPUs", kOfRooted);
constexpr millrace_probe kScatter = probe_with<ProbeOf<Collective::kScatter>>(
    "nccl.scatter", "every rank gets its part of one rank's array, between GPUs", kOfRooted);
constexpr millrace_probe kSendReceive = probe_with<ProbeOf<Collective::kSendReceive>>(
    "nccl.sendrecv", "every rank sends to the next and gets from the one before, between GPUs",
    kOfSendReceive);
constexpr millrace_probe kPairs = probe_with<PairsProbe>(
    "nccl.pairs", "one rank sends to one other, every pair and direction in turn, between GPUs",
    kOfSendReceive);
constexpr const millrace_probe* kProbes[] = {&kAllReduce,   &kAllGather, &kReduceScatter, &kBroadcast,
                                             &kReduce,      &kAllToAll,  &kGather,        &kScatter,
                                             &kSendReceive, &kPairs};

// The version is of the NCCL that is loaded, which need not be the one that this was built with.
const millrace_probe_module& the_module() {
  static const std::string version = std::string("1.0, NCCL ") + library_version();
  static const millrace_probe_module module = sdk::module("nccl", version.c_str(), kProbes);
  return module;
}

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &the_module(); }
