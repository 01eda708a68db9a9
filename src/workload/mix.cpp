// SPDX-License-Identifier: Apache-2.0
#include "workload/mix.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "workload/step.hpp"

namespace millrace::workload {
namespace {

constexpr std::int64_t kMostTried = std::int64_t{1} << 24;

Result<Profile> profile_of(const MixPart& part, const Profile& mix) {
  for (const std::string& name : {part.workload + "-" + mix.accelerator, part.workload})
    if (const auto found = load(name); found && found->size() == 1) {
      if (found->front().kind == Kind::kMix)
        return failure(fmt::format("{}: its job '{}' is a mix itself", mix.name, part.workload),
                       "name the workloads of that one instead");
      return found->front();
    }
  const auto found = load(part.workload);
  if (mix.accelerator.empty())
    return failure(
        fmt::format("{}: '{}' is {} workloads, and one share is of one", mix.name, part.workload,
                    found ? found->size() : 0),
        found ? fmt::format("give the whole name, such as {}", found->front().name) : found.error().hint);
  return failure(
      fmt::format("{}: its job '{}' is no workload on {}", mix.name, part.workload, mix.accelerator),
      found ? "give the whole name with its accelerator" : found.error().hint);
}

}  // namespace

std::int64_t site_ranks(const Profile& mix) { return mix.mix.site.hosts * mix.mix.site.gpus_per_host; }

std::int64_t rank_unit(const Profile& profile, std::int64_t ranks) {
  switch (profile.kind) {
    case Kind::kPretrain:
    case Kind::kFinetune: {
      const Layout& layout = layout_for(profile.training, ranks);
      return std::int64_t{layout.tensor} * layout.pipeline * layout.context * layout.expert;
    }
    case Kind::kServe:
      return profile.serving.replica_ranks;
    case Kind::kColdStart:
      return profile.loading.replica_ranks;
    default:
      return 1;
  }
}

std::int64_t least_ranks(const Profile& profile) {
  if (profile.kind == Kind::kMix) return site_ranks(profile);
  for (std::int64_t ranks = 1; ranks < kMostTried; ranks *= 2) {
    const std::int64_t unit = rank_unit(profile, ranks);
    const std::int64_t whole = (ranks + unit - 1) / unit * unit;
    if (step_of(profile, whole)) return whole;
  }
  return 1;
}

Result<std::vector<SiteJob>> jobs_of(const Profile& mix, std::int64_t ranks) {
  std::vector<SiteJob> jobs;
  for (const MixPart& part : mix.mix.parts) {
    auto profile = profile_of(part, mix);
    if (!profile) return tl::unexpected(profile.error());
    const auto share = static_cast<std::int64_t>(std::floor(part.share * static_cast<double>(ranks) + 1e-6));
    const std::int64_t unit = rank_unit(*profile, std::max<std::int64_t>(1, share));
    const std::int64_t whole = share / unit * unit;
    if (whole == 0)
      return failure(
          fmt::format(
              "{}: its share of {} for {} is {:g} × {} = {} accelerators, of which a replica takes {}",
              mix.name, ranks, profile->name, part.share, ranks, share, unit),
          "give --accelerators of a larger site, or a larger share");
    if (const auto step = step_of(*profile, whole); !step)
      return failure(fmt::format("{}: {}", mix.name, step.error().what), step.error().hint);
    jobs.push_back({std::move(*profile), whole});
  }
  return jobs;
}

}  // namespace millrace::workload
