// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "diagnose/fabric_diagnose.hpp"
#include "workload/mix.hpp"
#include "workload/step.hpp"

namespace millrace::diagnose {
namespace {

Result<FabricJob> job_of(const workload::Profile& profile, std::int64_t ranks, std::optional<double> wanted) {
  auto step = workload::step_of(profile, ranks);
  if (!step) return tl::unexpected(step.error());
  FabricJob job;
  job.workload = profile.name;
  const std::string ending = "-" + profile.accelerator;
  job.model = profile.name.ends_with(ending) ? profile.name.substr(0, profile.name.size() - ending.size())
                                             : profile.name;
  job.accelerator = profile.accelerator;
  job.utilization_wanted = wanted.value_or(profile.utilization_wanted);
  if (profile.kind == workload::Kind::kRestore) job.wanted_s = profile.checkpoint.wanted_restore_s;
  if (profile.kind == workload::Kind::kColdStart) job.wanted_s = profile.loading.wanted_s;
  job.step = std::move(*step);
  return job;
}

}  // namespace

Result<std::vector<FabricJob>> jobs_on(const fabric::Fabric& fabric, const workload::Profile& profile,
                                       std::int64_t accelerators, std::optional<double> wanted) {
  const std::int64_t all = fabric.count(fabric::Kind::kPcieIn);
  const std::int64_t ranks = accelerators > 0 ? accelerators : all;
  if (ranks > all)
    return failure(fmt::format("{} accelerators are asked for, and the fabric has {}", ranks, all),
                   "give fewer (--accelerators), or another fabric");
  std::vector<workload::SiteJob> parts{{profile, ranks}};
  if (profile.kind == workload::Kind::kMix) {
    auto of_mix = workload::jobs_of(profile, ranks);
    if (!of_mix) return tl::unexpected(of_mix.error());
    parts = std::move(*of_mix);
  }
  std::vector<FabricJob> jobs;
  std::int64_t host = 0;
  for (const workload::SiteJob& part : parts) {
    auto job = job_of(part.profile, part.ranks, wanted);
    if (!job) return tl::unexpected(job.error());
    job->first_host = host;
    host += (part.ranks + fabric.gpus_per_host - 1) / fabric.gpus_per_host;
    if (host > fabric.hosts())
      return failure(
          fmt::format("the jobs of {} need more hosts than the {} of the fabric, since each has whole hosts",
                      profile.name, fabric.hosts()),
          "give fewer accelerators (--accelerators)");
    jobs.push_back(std::move(*job));
  }
  return jobs;
}

}  // namespace millrace::diagnose
