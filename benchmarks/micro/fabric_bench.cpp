// SPDX-License-Identifier: Apache-2.0
// Diagnoses of one workload on rail-optimised fabrics of three levels with shared storage, relief included:
// routing, classes, prediction and text, from the description to the verdict. 16,384 hosts × 8 GPUs are to
// take 2 s at most on one core and 2 GiB at their peak, a host no more than 1.3 times what it takes among
// 1,024.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "diagnose/fabric/diagnose.hpp"
#include "fabric/generate.hpp"

namespace {

using namespace millrace;

fabric::Fabric fabric_of(std::int64_t hosts) {
  fabric::FatTree wish;
  wish.hosts = hosts;
  wish.rails = 8;
  wish.oversubscription = 2;
  wish.radix = hosts <= 8192 ? 64 : (hosts <= 65536 ? 128 : 256);
  return fabric::fat_tree(wish).value();
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void diagnose_one_workload(benchmark::State& state, const char* workload) {
  const fabric::Fabric fabric = fabric_of(state.range(0));
  const auto profile = workload::load(workload)->front();
  std::size_t relief = 0;
  for (auto _ : state) {
    const auto jobs = diagnose::jobs_on(fabric, profile, 0, {});
    if (!jobs) return state.SkipWithError(jobs.error().what.c_str());
    const auto diagnoses = diagnose::diagnose(fabric, *jobs);
    relief = diagnoses.front().relief.size();
    benchmark::DoNotOptimize(relief);
  }
  state.SetComplexityN(state.range(0));
  state.counters["levels"] = fabric.levels();
  state.counters["relief_steps"] = static_cast<double>(relief);
  state.counters["s_per_host"] =
      benchmark::Counter(static_cast<double>(state.range(0)),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["peak_mib"] = peak_mib();  // of the program so far: smaller ones run first
}

// Dense training (rings, chain, reading, writing), a mixture of experts (all-to-all as well), training input.
#define SIZES RangeMultiplier(2)->Range(1024, 16384)->Arg(131072)->Unit(benchmark::kMillisecond)->Complexity()
BENCHMARK_CAPTURE(diagnose_one_workload, llama3_70b_pretrain, "llama3-70b-pretrain-h100")->SIZES;
BENCHMARK_CAPTURE(diagnose_one_workload, moe_1t_pretrain, "moe-1t-pretrain-h100")->SIZES;
BENCHMARK_CAPTURE(diagnose_one_workload, unet3d, "unet3d-h100")->SIZES;

// Three jobs that share the fabric (max-min).
void diagnose_a_mix(benchmark::State& state) {
  const fabric::Fabric fabric = fabric_of(state.range(0));
  const auto profile = workload::load("factory-hyperscaler-h100")->front();
  for (auto _ : state) {
    const auto jobs = diagnose::jobs_on(fabric, profile, 0, {});
    if (!jobs) return state.SkipWithError(jobs.error().what.c_str());
    benchmark::DoNotOptimize(diagnose::diagnose(fabric, *jobs));
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(diagnose_a_mix)
    ->RangeMultiplier(4)
    ->Range(1024, 16384)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();

}  // namespace
