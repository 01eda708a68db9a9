// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cmath>

#include "diagnose/fabric_diagnose.hpp"
#include "diagnose/host_rates.hpp"
#include "workload/mix.hpp"
#include "workload/serving_time.hpp"
#include "workload/step.hpp"

namespace millrace::diagnose {
namespace {

// The accelerators that a job really takes: whole replicas. Fails where there is not one, or where the memory
// of all together does not hold what is to be loaded or saved.
Result<std::int64_t> ranks_of(const workload::Profile& profile, std::int64_t ranks,
                              std::vector<std::string>& notes) {
  using workload::Kind;
  const double memory = profile.figures.memory_bytes;
  const auto least = [&](double bytes) { return static_cast<std::int64_t>(std::ceil(bytes / memory)); };
  if (profile.kind == Kind::kCheckpoint || profile.kind == Kind::kRestore) {
    const double state = profile.shape.parameters * profile.checkpoint.saved_bytes_per_parameter;
    if (memory > 0 && state > memory * static_cast<double>(ranks))
      return failure(fmt::format("{}: {} of {} each cannot hold its training state of {}", profile.name,
                                 gpus_words(ranks), bytes_words(memory), bytes_words(state)),
                     fmt::format("it takes {} at least (--accelerators), or a larger fabric", least(state)));
    return ranks;
  }
  if (profile.kind != Kind::kServe && profile.kind != Kind::kColdStart) return ranks;
  const std::int64_t replica = workload::rank_unit(profile, ranks);
  if (ranks < replica)
    return failure(fmt::format("{}: a replica takes {}, and there {} {}", profile.name, gpus_words(replica),
                               ranks == 1 ? "is" : "are", ranks),
                   "give more (--accelerators), or a larger fabric");
  const double weights = profile.kind == Kind::kServe ? workload::request_cost(profile).weights_bytes
                                                      : workload::weights_bytes(profile);
  if (memory > 0 && weights > memory * static_cast<double>(replica))
    return failure(fmt::format("{}: {} of weights do not fit {} of {} each", profile.name,
                               bytes_words(weights), gpus_words(replica), bytes_words(memory)),
                   fmt::format("give it replica_ranks of {} at least", least(weights)));
  if (const std::int64_t idle = ranks % replica; idle > 0)
    notes.push_back(
        fmt::format("{} of the {} accelerators stay idle: a replica takes {}", idle, ranks, replica));
  if (const std::int64_t replicas = ranks / replica; profile.kind == Kind::kColdStart && replicas > 1)
    notes.push_back(fmt::format("{} replicas of {} start at the same time; --accelerators {} is one alone",
                                replicas, gpus_words(replica), replica));
  return ranks / replica * replica;
}

Result<FabricJob> job_of(const workload::Profile& profile, std::int64_t ranks, std::optional<double> wanted) {
  FabricJob job;
  const auto taken = ranks_of(profile, ranks, job.notes);
  if (!taken) return tl::unexpected(taken.error());
  auto step = workload::step_of(profile, *taken);
  if (!step) return tl::unexpected(step.error());
  job.workload = profile.name;
  const std::string ending = "-" + profile.accelerator;
  job.model = profile.name.ends_with(ending) ? profile.name.substr(0, profile.name.size() - ending.size())
                                             : profile.name;
  job.accelerator = profile.accelerator;
  job.utilization_wanted = wanted.value_or(profile.utilization_wanted);
  if (profile.kind == workload::Kind::kRestore) job.wanted_s = profile.checkpoint.wanted_restore_s;
  if (profile.kind == workload::Kind::kColdStart) job.wanted_s = profile.loading.wanted_s;
  if (profile.kind == workload::Kind::kServe) job.served = profile;
  job.step = std::move(*step);
  return job;
}

std::int64_t hosts_of(const std::vector<workload::SiteJob>& parts, std::int64_t gpus) {
  std::int64_t hosts = 0;
  for (const workload::SiteJob& part : parts) hosts += (part.ranks + gpus - 1) / gpus;
  return hosts;
}

// Shares whose last hosts are not full may need one host more than there are: 60 and 40 % of 64 are 38.4 and
// 25.6. Each is rounded down to whole hosts then, where that leaves it whole replicas.
void fill_whole_hosts(std::vector<workload::SiteJob>& parts, std::int64_t gpus) {
  for (workload::SiteJob& part : parts) {
    const std::int64_t whole = part.ranks / gpus * gpus;
    if (whole > 0 && whole % workload::rank_unit(part.profile, whole) == 0) part.ranks = whole;
  }
}

}  // namespace

Result<std::vector<FabricJob>> jobs_on(const fabric::Fabric& fabric, const workload::Profile& profile,
                                       std::int64_t accelerators, std::optional<double> wanted) {
  const std::int64_t all = fabric.count(fabric::Kind::kPcieIn);
  const std::int64_t ranks = accelerators > 0 ? accelerators : all;
  if (ranks > all)
    return failure(fmt::format("{} accelerators are asked for, and the fabric has {}", ranks, all),
                   "give fewer (--accelerators), or another fabric");
  std::vector<workload::SiteJob> parts{{profile, ranks}}, asked = parts;
  if (profile.kind == workload::Kind::kMix) {
    auto of_mix = workload::jobs_of(profile, ranks);
    if (!of_mix) return tl::unexpected(of_mix.error());
    parts = std::move(*of_mix);
    asked = parts;
    if (hosts_of(parts, fabric.gpus_per_host) > fabric.hosts()) fill_whole_hosts(parts, fabric.gpus_per_host);
  }
  std::vector<FabricJob> jobs;
  std::int64_t host = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const workload::SiteJob& part = parts[i];
    auto job = job_of(part.profile, part.ranks, wanted);
    if (!job) return tl::unexpected(job.error());
    if (part.ranks < asked[i].ranks)
      job->notes.push_back(fmt::format("{} of its {} accelerators stay idle: each job has whole hosts",
                                       asked[i].ranks - part.ranks, asked[i].ranks));
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
