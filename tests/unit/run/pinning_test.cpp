// SPDX-License-Identifier: Apache-2.0
#include "run/pinning.hpp"

#include <gtest/gtest.h>

namespace millrace::run {
namespace {

using Cores = std::vector<std::vector<int>>;

topology::HostFacts two_sockets() {
  topology::HostFacts host;
  host.numa = {{0, 0, {0, 1, 2, 3}}, {1, 0, {4, 5, 6, 7}}};
  return host;
}

const std::vector<int> kAll{0, 1, 2, 3, 4, 5, 6, 7};

WorkerPlan worker(int node, std::uint32_t threads) {
  WorkerPlan plan;
  plan.numa_node = node;
  plan.threads = threads;
  return plan;
}

TEST(Pinning, GivesAWorkerTheCoresOfItsNode) {
  EXPECT_EQ(assign_cpus({worker(1, 4)}, two_sockets(), kAll), (Cores{{4, 5, 6, 7}}));
}

TEST(Pinning, GivesWorkersOfOneThreadACoreOfTheirOwnFromTheTop) {
  EXPECT_EQ(assign_cpus({worker(0, 1), worker(0, 1), worker(1, 1)}, two_sockets(), kAll),
            (Cores{{3}, {2}, {7}}));
}

TEST(Pinning, SharesTheNodeWhenThereAreAsManyWorkersAsCores) {
  const Cores shared = assign_cpus(std::vector<WorkerPlan>(4, worker(1, 1)), two_sockets(), kAll);
  EXPECT_EQ(shared, Cores(4, {4, 5, 6, 7}));
}

TEST(Pinning, TakesWhatTheProcessMayUseAndNothingElse) {
  EXPECT_EQ(assign_cpus({worker(0, 2)}, two_sockets(), {2, 3, 4}), (Cores{{2, 3}}));
  EXPECT_EQ(assign_cpus({worker(0, 2)}, two_sockets(), {6, 7}), (Cores{{6, 7}}))
      << "its node is out of reach";
}

TEST(Pinning, TakesAllCoresWhereTheNodeIsUnknown) {
  EXPECT_EQ(assign_cpus({worker(-1, 2), worker(9, 2)}, two_sockets(), kAll), (Cores{kAll, kAll}));
}

TEST(Pinning, FindsTheCoresOfThisProcess) { EXPECT_FALSE(allowed_cpus().empty()); }

}  // namespace
}  // namespace millrace::run
