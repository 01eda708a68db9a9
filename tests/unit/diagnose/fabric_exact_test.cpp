// SPDX-License-Identifier: Apache-2.0
// The steps that the diagnosis predicts for several jobs on a fabric, held against the exact solution: every
// pair and path enumerated, every single link a constraint of its own, and the rates by linear programs.
#include <gtest/gtest.h>

#include <cmath>

#include "diagnose/fabric/diagnose.hpp"
#include "every_path.hpp"
#include "linear_program.hpp"
#include "random_fabric.hpp"

namespace millrace::diagnose {
namespace {

using fabric::between;
using fabric::Fabric;
using fabric::Kind;
using fabric::kKinds;
using fabric::LinkLoads;
using fabric::one_of;
using fabric::Random;

double spread(Random& random, double low, double high) {
  return low * std::pow(high / low, std::uniform_real_distribution<double>(0, 1)(random));
}

Fabric with_rates(Random& random, Fabric fabric) {
  const auto rate = [&] { return fabric::Limit(spread(random, 1e9, 1e11)); };
  for (fabric::HostKind& host : fabric.kinds) {
    host.nvlink = rate();
    host.pcie = rate();
    host.nic = rate();
    host.drive_read = rate();
    host.drive_write = rate();
    if (fabric.storage_network() != nullptr) host.storage_nic = rate();
  }
  fabric.leaf.uplink = rate();
  if (fabric.spine) fabric.spine->uplink = rate();
  if (fabric.core) fabric.core->throughput = rate();
  if (fabric.storage) {
    fabric.storage->read = rate();
    fabric.storage->write = rate();
    fabric.storage->link = rate();
  }
  if (fabric.storage && fabric.storage->network) {
    fabric::StorageNetwork& own = *fabric.storage->network;
    own.leaf.uplink = rate();
    if (own.spine) own.spine->uplink = rate();
    if (own.core) own.core->throughput = rate();
  }
  for (std::int64_t i = between(random, 0, 4); i > 0; --i) {
    const auto kind = static_cast<Kind>(between(random, 0, kKinds - 1));
    if (fabric.count(kind) == 0) continue;
    const std::int64_t first = between(random, 0, fabric.count(kind) - 1);
    fabric.overrides.push_back(
        {kind, first, between(random, first, fabric.count(kind) - 1), rate(), {}, "other"});
  }
  return fabric;
}

fabric::Limit described(const Fabric& fabric, const fabric::HostKind& host, Kind kind) {
  switch (kind) {
    case Kind::kNvlinkOut:
    case Kind::kNvlinkIn:
      return host.nvlink;
    case Kind::kPcieOut:
    case Kind::kPcieIn:
      return host.pcie;
    case Kind::kNicUp:
    case Kind::kNicDown:
      return host.nic;
    case Kind::kLeafUp:
    case Kind::kLeafDown:
      return fabric.leaf.uplink;
    case Kind::kSpineUp:
    case Kind::kSpineDown:
      return fabric.spine->uplink;
    case Kind::kCore:
      return fabric.core->throughput;
    case Kind::kStorageRead:
      return fabric.storage->read;
    case Kind::kStorageWrite:
      return fabric.storage->write;
    case Kind::kStorageOut:
    case Kind::kStorageIn:
      return fabric.storage->link;
    case Kind::kDriveRead:
      return host.drive_read;
    case Kind::kDriveWrite:
      return host.drive_write;
    case Kind::kStorageNicUp:
    case Kind::kStorageNicDown:
      return host.storage_nic;
    case Kind::kStorageLeafUp:
    case Kind::kStorageLeafDown:
      return fabric.storage->network->leaf.uplink;
    case Kind::kStorageSpineUp:
    case Kind::kStorageSpineDown:
      return fabric.storage->network->spine->uplink;
    case Kind::kStorageCore:
      return fabric.storage->network->core->throughput;
  }
  return {};
}

// Of every single link, kind after kind.
std::vector<double> capacities(const Fabric& fabric) {
  std::vector<double> all;
  for (std::size_t k = 0; k < kKinds; ++k) {
    const auto kind = static_cast<Kind>(k);
    const std::size_t begin = all.size();
    const bool of_hosts = kind <= Kind::kNicDown || kind == Kind::kDriveRead || kind == Kind::kDriveWrite ||
                          kind == Kind::kStorageNicUp || kind == Kind::kStorageNicDown;
    for (const auto& host : fabric.kinds) {
      if (fabric.count(kind) == 0) continue;
      std::int64_t links = fabric.count(kind);
      if (kind <= Kind::kPcieIn) links = host.hosts * fabric.gpus_of(host);
      if (kind == Kind::kNicUp || kind == Kind::kNicDown) links = host.hosts * fabric.nics_of(host);
      if (kind == Kind::kDriveRead || kind == Kind::kDriveWrite) links = host.hosts;
      if (kind == Kind::kStorageNicUp || kind == Kind::kStorageNicDown)
        links = host.hosts * fabric.storage->network->nics_per_host;
      for (std::int64_t i = 0; i < links; ++i) all.push_back(*described(fabric, host, kind));
      if (!of_hosts) break;
    }
    for (const auto& one : fabric.overrides)
      for (std::int64_t i = one.first; one.resource == kind && i <= one.last; ++i)
        all[begin + static_cast<std::size_t>(i)] = *one.limit;
  }
  return all;
}

void add(std::vector<double>& sum, const LinkLoads& loads) {
  std::size_t at = 0;
  for (const auto& kind : loads)
    for (const double bytes : kind) sum[at++] += bytes;
}

double longest(const std::vector<double>& bytes, const std::vector<double>& capacity) {
  double most = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) most = std::max(most, bytes[i] / capacity[i]);
  return most;
}

// As the design has it: the longer of computing and what overlaps it, plus what is waited for; links shared
// max-min.
std::vector<double> exact_steps(const Fabric& fabric, const std::vector<FabricJob>& jobs) {
  allocate::Problem problem{capacities(fabric), {}};
  for (const FabricJob& job : jobs) {
    const std::vector<double> nothing(problem.capacity.size(), 0.0);
    std::vector<double> overlapping = nothing, all = nothing;
    double waited_s = 0;
    for (const auto& traffic : job.step.traffic) {
      const auto loads = every_path(fabric, traffic, {job.first_host, job.step.ranks});
      std::vector<double> alone = nothing;
      add(alone, loads);
      add(all, loads);
      if (traffic.overlaps)
        add(overlapping, loads);
      else
        waited_s += longest(alone, problem.capacity);
    }
    allocate::Job& one = problem.jobs.emplace_back();
    one.most_steps_per_s =
        1 / (std::max(job.step.compute_s, longest(overlapping, problem.capacity)) + waited_s);
    one.weight = one.most_steps_per_s;
    for (std::uint32_t i = 0; i < all.size(); ++i)
      if (all[i] > 0) one.uses.push_back({i, all[i]});
  }
  std::vector<double> steps;
  for (const double rate : allocate::max_min_by_linear_programs(problem)) steps.push_back(1 / rate);
  return steps;
}

std::vector<FabricJob> random_jobs(Random& random, const Fabric& fabric) {
  std::vector<FabricJob> jobs;
  for (std::int64_t host = 0; host < fabric.hosts();) {
    const fabric::AlikeHosts alike = fabric.alike_at(host);
    const std::int64_t hosts = std::min(between(random, 1, std::max<std::int64_t>(1, fabric.hosts() / 2)),
                                        alike.first_host + alike.hosts - host);
    FabricJob& job = jobs.emplace_back();
    job.first_host = host;
    job.step.ranks = hosts * alike.gpus;
    job.step.compute_s = spread(random, 0.01, 1);
    for (std::int64_t i = between(random, 1, 3); i > 0; --i)
      job.step.traffic.push_back({"traffic", static_cast<workload::Pattern>(between(random, 0, 4)),
                                  workload::Purpose::kCollective, spread(random, 1e8, 1e10),
                                  between(random, 1, 12), between(random, 1, 12), between(random, 0, 3) > 0});
    host += hosts;
  }
  return jobs;
}

TEST(FabricExact, OnFiveHundredRandomFabricsEveryJobsStepIsThatOfTheLinearPrograms) {
  int shared = 0, own_networks = 0, of_several_kinds = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    const Fabric fabric = with_rates(random, fabric::random_fabric(random));
    const auto jobs = random_jobs(random, fabric);
    of_several_kinds += fabric.alike_hosts().size() > 1 ? 1 : 0;
    own_networks += fabric.storage_network() != nullptr ? 1 : 0;
    const auto exact = exact_steps(fabric, jobs);
    ASSERT_EQ(exact.size(), jobs.size()) << "the linear programs failed at seed " << seed;
    const auto diagnoses = diagnose(fabric, jobs);
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      EXPECT_NEAR(diagnoses[j].step_predicted_s / exact[j], 1, 1e-3) << "job " << j << " of seed " << seed;
      const auto alone = diagnose(fabric, std::vector{jobs[j]}).front();
      shared += diagnoses[j].step_predicted_s > alone.step_predicted_s * 1.001 ? 1 : 0;
    }
  }
  EXPECT_GT(own_networks, 100);
  EXPECT_GT(of_several_kinds, 100);
  EXPECT_GT(shared, 100);  // jobs that are held back by others: else nothing was tried
}

}  // namespace
}  // namespace millrace::diagnose
