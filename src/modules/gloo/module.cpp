// SPDX-License-Identifier: Apache-2.0
// The module's entry point: gloo.all_reduce, .all_gather, .reduce_scatter, .broadcast and .alltoall.
#include <gloo/config.h>

#include "millrace/probe.hpp"
#include "modules/gloo/parameters.hpp"
#include "modules/gloo/probe.hpp"

namespace {

using namespace millrace;
using namespace millrace::gloo;
using namespace millrace::collective;

#define MILLRACE_TEXT_OF(x) #x
#define MILLRACE_VERSION_OF(x) MILLRACE_TEXT_OF(x)
constexpr const char* kVersion = "1.0, Gloo " MILLRACE_VERSION_OF(GLOO_VERSION_MAJOR) "." MILLRACE_VERSION_OF(
    GLOO_VERSION_MINOR) "." MILLRACE_VERSION_OF(GLOO_VERSION_PATCH);

constexpr std::array kOfAllReduce = joined(kEveryCollective, kRanks, kReducing, kInPlace, kAlgorithm);
constexpr std::array kOfAllGather = joined(kEveryCollective, kRanks, kInPlace);
constexpr std::array kOfReduceScatter = joined(kEveryCollective, kRanks, kReducing, kInPlaceOnly);
constexpr std::array kOfBroadcast = joined(kEveryCollective, kRanks, kRoot, kInPlace);
constexpr std::array kOfAllToAll = joined(kEveryCollective, kRanks, kInPlace);

constexpr millrace_probe kAllReduce = probe_with<ProbeOf<Collective::kAllReduce>>(
    "gloo.all_reduce", "every rank gets the sum of all ranks' arrays, in host memory over TCP", kOfAllReduce);
constexpr millrace_probe kAllGather = probe_with<ProbeOf<Collective::kAllGather>>(
    "gloo.all_gather", "every rank gets all ranks' parts of an array, in host memory over TCP", kOfAllGather);
constexpr millrace_probe kReduceScatter = probe_with<ProbeOf<Collective::kReduceScatter>>(
    "gloo.reduce_scatter", "every rank gets its part of the sum of all arrays, in host memory over TCP",
    kOfReduceScatter);
constexpr millrace_probe kBroadcast = probe_with<ProbeOf<Collective::kBroadcast>>(
    "gloo.broadcast", "every rank gets one rank's array, in host memory over TCP", kOfBroadcast);
constexpr millrace_probe kAllToAll = probe_with<ProbeOf<Collective::kAllToAll>>(
    "gloo.alltoall", "every rank sends each other a part of its array, in host memory over TCP", kOfAllToAll);
constexpr const millrace_probe* kProbes[] = {&kAllReduce, &kAllGather, &kReduceScatter, &kBroadcast,
                                             &kAllToAll};

constexpr millrace_probe_module kModule = sdk::module("gloo", kVersion, kProbes);

}  // namespace

extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
