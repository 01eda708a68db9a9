// SPDX-License-Identifier: Apache-2.0
#include "run/cpu_contention.hpp"

#include <gtest/gtest.h>

namespace millrace::run {
namespace {

constexpr int kCpus = 2;

record::Measurement counted(double pressure_s, double busy_s, double worker_s) {
  record::Measurement m;
  m.duration_s = 2;
  m.counters = {{"psi:cpu:some_s", pressure_s},
                {"cpu:busy_s", busy_s},
                {"worker:user_s", 0.5 * worker_s},
                {"worker:system_s", 0.5 * worker_s}};
  return m;
}

TEST(CpuContention, IsThatOthersUseCpusWhileSomethingWaitsForOne) {
  EXPECT_TRUE(others_took_cpus(counted(1.9, 4.0, 1.0), kCpus));
}

TEST(CpuContention, IsNotWhatAWorkerDoesToItself) {
  EXPECT_FALSE(others_took_cpus(counted(1.9, 4.0, 3.9), kCpus));
}

TEST(CpuContention, IsNotALoadThatNobodyMisses) {
  EXPECT_FALSE(others_took_cpus(counted(0.05, 2.0, 1.0), kCpus));
}

TEST(CpuContention, IsUnknownWhereTheKernelCountsNothing) {
  record::Measurement m;
  EXPECT_FALSE(others_took_cpus(m, kCpus)) << "nothing ran";
  m.duration_s = 2;
  EXPECT_FALSE(others_took_cpus(m, kCpus));
}

}  // namespace
}  // namespace millrace::run
