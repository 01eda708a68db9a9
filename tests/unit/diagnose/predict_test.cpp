// SPDX-License-Identifier: Apache-2.0
#include "diagnose/predict.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>

#include "machine.hpp"

namespace millrace::diagnose {
namespace {

using testing::toy;

constexpr double kNone = std::numeric_limits<double>::infinity();

TEST(Prediction, WithEqualRecordsAndAnEndlessPrefetchTheSlowestHopOrTheComputeSetsTheStep) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> exponent(-1.5, 1.5);
  for (int round = 0; round < 300; ++round) {
    Job job{toy(), 1 + static_cast<int>(random() % 16), 0};
    job.profile.input.batch_samples = 1 + random() % 50;
    job.profile.input.prefetch_batches = 1024;
    const double demand = job.profile.demand_bytes_per_s();
    const auto any = [&] { return demand * std::pow(10, exponent(random)); };
    const Rates rates{any() * job.accelerators, {any(), any(), any()}};
    const double bytes =
        static_cast<double>(job.profile.input.batch_samples) * job.profile.input.record_bytes;
    const double slowest =
        std::min(rates.shared / job.accelerators, *std::min_element(rates.own.begin(), rates.own.end()));
    const double expected = std::max(job.profile.compute_s, bytes / slowest);
    EXPECT_NEAR(Simulation(job).mean_step_s(rates) / expected, 1, 0.005) << "round " << round;
  }
}

TEST(Prediction, ASpreadOfRecordSizesCostsStepsWhenSupplyIsTight) {
  Job job{toy(), 1, 0};
  job.profile.input.batch_samples = 2;
  const Rates rates{job.profile.demand_bytes_per_s() * 1.05, {}};
  const double even = Simulation(job).utilization(rates);
  job.profile.input.record_stdev_bytes = 0.5 * job.profile.input.record_bytes;
  const double uneven = Simulation(job).utilization(rates);
  EXPECT_GT(even, 0.999);
  EXPECT_LT(uneven, 0.97);
  EXPECT_GT(uneven, 0.7);
}

TEST(Prediction, LockStepOverManyWaitsForTheUnluckyOne) {
  Job job{toy(), 1, 0};
  job.profile.input.batch_samples = 1;
  job.profile.input.record_stdev_bytes = 0.5 * job.profile.input.record_bytes;
  double before = 1;
  for (int accelerators : {1, 4, 16}) {
    job.accelerators = accelerators;
    // Each has its own stage, just fast enough on average.
    const double now = Simulation(job).utilization({kNone, {job.profile.demand_bytes_per_s() * 1.05}});
    EXPECT_LT(now, before - 0.01) << accelerators;
    before = now;
  }
}

TEST(Prediction, MorePrefetchEvensTheSpreadOut) {
  Job job{toy(), 2, 0};
  job.profile.input.batch_samples = 1;
  job.profile.input.record_stdev_bytes = 0.5 * job.profile.input.record_bytes;
  double before = 0;
  for (int prefetch : {1, 2, 8}) {
    job.profile.input.prefetch_batches = prefetch;
    const double now = Simulation(job).utilization({2.2 * job.profile.demand_bytes_per_s(), {}});
    EXPECT_GT(now, before) << prefetch;
    before = now;
  }
}

TEST(Prediction, NeverClaimsMoreThanTheHopsCarryNorMoreThanAllTheTime) {
  for (const auto& profile : workload::built_in_training_input())
    for (int accelerators : {1, 3, 8, 200})
      for (double share : {0.1, 0.5, 0.9, 1.1, 3.0}) {
        const Simulation simulation({profile, accelerators, 0});
        const double utilization =
            simulation.utilization({profile.demand_bytes_per_s() * accelerators * share, {}});
        EXPECT_LE(utilization, 1 + 1e-9);
        EXPECT_LE(utilization, share * 1.03) << profile.name << " " << accelerators << " " << share;
        EXPECT_GT(utilization, 0.5 * std::min(share, 1.0));
      }
}

TEST(Prediction, IsTheSameEveryTime) {
  Job job{workload::load("unet3d-h100")->front(), 4, 0};
  const Rates rates{8e9, {4e9, 9e9}};
  EXPECT_EQ(Simulation(job).mean_step_s(rates), Simulation(job).mean_step_s(rates));
}

TEST(Prediction, OfAllBuiltInWorkloadsTakesMillisecondsEach) {
  testing::Machine machine = testing::Machine().memory(20e9).stages(3e9, 9e9).storage(1.1e9, 2e7, "");
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& profile : workload::built_in_training_input()) (void)machine.ask(8, profile);
  const auto spent = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(std::chrono::duration<double>(spent).count(), 10.0);  // seen: 0.1 s; slack for sanitizers
}

}  // namespace
}  // namespace millrace::diagnose
