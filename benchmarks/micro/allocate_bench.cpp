// SPDX-License-Identifier: Apache-2.0
// Sharing resources among jobs by progressive filling; and beside it the same problems by linear programs
// (GLPK), up to the largest that they solve within a minute.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "allocate/max_min.hpp"
#ifdef MILLRACE_HAS_GLPK
#include "linear_program.hpp"
#endif

namespace {

using namespace millrace::allocate;

// Jobs on a fabric, as the diagnosis has them: each has its own links, and a few that many share.
Problem problem_of(std::size_t resources, std::size_t jobs, std::size_t uses) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> size(1, 10);
  Problem problem;
  const std::size_t shared = std::max<std::size_t>(1, resources / 10);
  for (std::size_t r = 0; r < resources; ++r)
    problem.capacity.push_back(1e9 * size(random) * (r < shared ? static_cast<double>(jobs) : 1));
  for (std::size_t j = 0; j < jobs; ++j) {
    Job job;
    job.most_steps_per_s = size(random);
    const std::size_t own = (resources - shared) / jobs;
    for (std::size_t u = 0; u < uses; ++u) {
      const std::size_t resource = u % 4 == 0 || own == 0 ? random() % shared : shared + j * own + u % own;
      job.uses.push_back({static_cast<std::uint32_t>(resource), 1e8 * size(random)});
    }
    problem.jobs.push_back(std::move(job));
  }
  return problem;
}

void one_job(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Problem problem = problem_of(count, 1, count);
  for (auto _ : state) benchmark::DoNotOptimize(max_min(problem));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(one_job)->RangeMultiplier(10)->Range(1000, 1'000'000)->Unit(benchmark::kMillisecond)->Complexity();

void hundreds_of_jobs(benchmark::State& state) {  // 500, a million uses in all at the most
  const auto count = static_cast<std::size_t>(state.range(0));
  const Problem problem = problem_of(count, 500, count / 500);
  for (auto _ : state) benchmark::DoNotOptimize(max_min(problem));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(hundreds_of_jobs)
    ->RangeMultiplier(10)
    ->Range(10'000, 1'000'000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity();

#ifdef MILLRACE_HAS_GLPK
double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Once a size: the argument is the number of jobs, each with 16 uses of four times as many resources. A size
// that is bound to take the linear programs more than a minute is skipped (they take about eight times as
// long for twice the size).
void against_linear_programs(benchmark::State& state) {
  constexpr double kMinute = 60, kPerDoubling = 8;
  static double last_s = 0;
  if (last_s * kPerDoubling > kMinute)
    return state.SkipWithError("would take the linear programs more than a minute");
  const auto jobs = static_cast<std::size_t>(state.range(0));
  const Problem problem = problem_of(4 * jobs, jobs, 16);
  std::vector<double> exact;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    exact = max_min_by_linear_programs(problem);
    last_s = seconds_since(begin);
  }
  Allocation ours;
  const auto begin = std::chrono::steady_clock::now();
  int repeats = 0;
  for (; repeats == 0 || seconds_since(begin) < 0.02; ++repeats) ours = max_min(problem);
  const double ours_s = seconds_since(begin) / repeats;
  double worst = 0;
  for (std::size_t j = 0; j < exact.size(); ++j)
    worst = std::max(worst, std::abs(ours.steps_per_s[j] / exact[j] - 1));
  if (exact.empty() || worst > 1e-3) state.SkipWithError("the two do not agree");
  state.counters["filling_s"] = ours_s;
  state.counters["times_as_fast"] = last_s / ours_s;
  state.counters["worst_difference"] = worst;
}
BENCHMARK(against_linear_programs)
    ->RangeMultiplier(2)
    ->Range(8, 128)
    ->Arg(192)
    ->Arg(256)
    ->Arg(512)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
#endif

}  // namespace
