// SPDX-License-Identifier: Apache-2.0
// What the statistics cost: a latency is counted with every operation, so it must take a few nanoseconds; the
// rest happens between slices or at the end of a run.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "stats/batch_means.hpp"
#include "stats/latency_histogram.hpp"
#include "stats/slices.hpp"
#include "stats/steadiness.hpp"
#include "stats/stopping_rule.hpp"

namespace {

using namespace millrace::stats;

std::vector<std::uint64_t> latencies() {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> distribution(std::log(90e3), 0.7);
  std::vector<std::uint64_t> values(4096);
  for (auto& value : values) value = static_cast<std::uint64_t>(distribution(random));
  return values;
}

std::vector<double> noise(std::size_t length) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> distribution(1000, 100);
  std::vector<double> values(length);
  for (double& value : values) value = distribution(random);
  return values;
}

void histogram_add(benchmark::State& state) {
  const auto values = latencies();
  LatencyHistogram histogram;
  std::size_t i = 0;
  for (auto _ : state) {
    histogram.add(values[i++ % values.size()]);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(histogram_add);

void histogram_merge(benchmark::State& state) {
  LatencyHistogram one, all;
  for (const auto value : latencies()) one.add(value);
  for (auto _ : state) {
    all.merge(one);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(histogram_merge);

void histogram_quantile(benchmark::State& state) {
  LatencyHistogram histogram;
  for (const auto value : latencies()) histogram.add(value);
  for (auto _ : state) benchmark::DoNotOptimize(histogram.quantile(0.99));
}
BENCHMARK(histogram_quantile);

void batch_means_of(benchmark::State& state) {
  const auto series = noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(mean_by_batches(series));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(batch_means_of)->Arg(1'000)->Arg(100'000);

void one_look(benchmark::State& state) {
  const auto series = noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(settled_mean(series));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(one_look)->Arg(1'000)->Arg(100'000);

void steadiness_of(benchmark::State& state) {
  const auto series = noise(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(judge_steadiness(series, find_warm_up(series)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(steadiness_of)->Arg(1'000)->Arg(100'000);

void grid_of_eight_threads(benchmark::State& state) {
  std::vector<std::vector<Slice>> threads(8);
  for (std::size_t thread = 0; thread < threads.size(); ++thread)
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      const std::int64_t begin = i * 10'000'000 + static_cast<std::int64_t>(thread) * 1'234'567;
      threads[thread].push_back({begin, begin + 10'000'000, 1 << 20, 16});
    }
  const auto window = common_window(threads).value();
  for (auto _ : state)
    benchmark::DoNotOptimize(rates_on_grid(threads, window.first, window.second, 10'000'000));
  state.SetItemsProcessed(state.iterations() * state.range(0) * 8);
}
BENCHMARK(grid_of_eight_threads)->Arg(1'000);

}  // namespace
