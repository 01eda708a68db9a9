// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "diagnose/fabric/diagnose.hpp"
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

// "64 hosts of 8 GPUs and 16 of 4"
std::string hosts_words(const std::vector<fabric::AlikeHosts>& all) {
  std::vector<std::string> parts;
  for (const fabric::AlikeHosts& alike : all)
    parts.push_back(fmt::format("{}{} of {}{}", alike.hosts,
                                !parts.empty()     ? ""
                                : alike.hosts == 1 ? " host"
                                                   : " hosts",
                                parts.empty() ? gpus_words(alike.gpus) : fmt::format("{}", alike.gpus),
                                alike.nics == alike.gpus ? "" : fmt::format(" with {} NICs", alike.nics)));
  if (parts.size() < 2) return fmt::format("{}", fmt::join(parts, ""));
  return fmt::format("{} and {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

// The hosts that are left, in runs of alike ones: a job's hosts are alike.
class FreeHosts {
 public:
  explicit FreeHosts(std::vector<fabric::AlikeHosts> runs) : runs_(std::move(runs)) {}
  // Takes the first neighbours that hold so many ranks, and gives their first host.
  std::optional<std::int64_t> take(std::int64_t ranks) {
    for (fabric::AlikeHosts& run : runs_) {
      const std::int64_t hosts = (ranks + run.gpus - 1) / run.gpus;
      if (hosts > run.hosts) continue;
      const std::int64_t first = run.first_host;
      run.first_host += hosts;
      run.hosts -= hosts;
      return first;
    }
    return std::nullopt;
  }

 private:
  std::vector<fabric::AlikeHosts> runs_;
};

// How many accelerators one job has where nobody says: all, of alike hosts those that have most.
std::int64_t most_of_one_job(const std::vector<fabric::AlikeHosts>& all) {
  std::int64_t most = 0;
  for (const fabric::AlikeHosts& alike : all) most = std::max(most, alike.all_gpus());
  return most;
}

}  // namespace

Result<std::vector<FabricJob>> jobs_on(const fabric::Fabric& fabric, const workload::Profile& profile,
                                       std::int64_t accelerators, std::optional<double> wanted) {
  const std::int64_t all = fabric.count(fabric::Kind::kPcieIn);
  const std::vector<fabric::AlikeHosts> alike = fabric.alike_hosts();
  const bool mix = profile.kind == workload::Kind::kMix;
  const std::int64_t most = mix ? all : most_of_one_job(alike);
  const std::int64_t ranks = accelerators > 0 ? accelerators : most;
  if (ranks > all)
    return failure(fmt::format("{} accelerators are asked for, and the fabric has {}", ranks, all),
                   "give fewer (--accelerators), or another fabric");
  if (ranks > most)
    return failure(
        fmt::format("{} accelerators are asked for, and a job has hosts that are alike: the fabric's "
                    "are {}",
                    ranks, hosts_words(alike)),
        fmt::format("give {} at most (--accelerators), or several jobs (--share)", most));
  std::vector<workload::SiteJob> parts{{profile, ranks}}, asked = parts;
  if (mix) {
    auto of_mix = workload::jobs_of(profile, ranks);
    if (!of_mix) return tl::unexpected(of_mix.error());
    parts = std::move(*of_mix);
    asked = parts;
    const std::int64_t gpus = alike.front().gpus;
    if (alike.size() == 1 && hosts_of(parts, gpus) > fabric.hosts()) fill_whole_hosts(parts, gpus);
  }
  std::vector<FabricJob> jobs;
  FreeHosts free(alike);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const workload::SiteJob& part = parts[i];
    auto job = job_of(part.profile, part.ranks, wanted);
    if (!job) return tl::unexpected(job.error());
    if (part.ranks < asked[i].ranks)
      job->notes.push_back(fmt::format("{} of its {} accelerators stay idle: each job has whole hosts",
                                       asked[i].ranks - part.ranks, asked[i].ranks));
    if (!mix && accelerators == 0 && ranks < all)
      job->notes.push_back(
          fmt::format("{} of the fabric's {} accelerators have no part in it: a job has hosts "
                      "that are alike, and these are {}",
                      all - ranks, all, hosts_words(alike)));
    const auto host = free.take(part.ranks);
    if (!host && alike.size() == 1)
      return failure(
          fmt::format("the jobs of {} need more hosts than the {} of the fabric, since each has whole hosts",
                      profile.name, fabric.hosts()),
          "give fewer accelerators (--accelerators)");
    if (!host)
      return failure(
          fmt::format("{}: the {} of {} find no room: each job has whole hosts that are alike, and the "
                      "fabric's are {}",
                      profile.name, gpus_words(part.ranks), part.profile.name, hosts_words(alike)),
          "give shares that fill them in this order, or fewer accelerators (--accelerators)");
    job->first_host = *host;
    jobs.push_back(std::move(*job));
  }
  return jobs;
}

}  // namespace millrace::diagnose
