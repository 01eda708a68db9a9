// SPDX-License-Identifier: Apache-2.0
#include "cli/applies.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "workload/mix.hpp"
#include "workload/step.hpp"

namespace millrace::cli {
namespace {

using workload::Kind;
using workload::Profile;
using IsFor = std::function<bool(const Profile&)>;

bool by_utilization(const Profile& profile) {
  if (profile.kind != Kind::kMix)
    return profile.kind != Kind::kServe && profile.kind != Kind::kColdStart && profile.kind != Kind::kRestore;
  return std::any_of(profile.mix.parts.begin(), profile.mix.parts.end(), [&](const workload::MixPart& part) {
    auto found = workload::load(part.workload + "-" + profile.accelerator);
    if (!found) found = workload::load(part.workload);
    return found && std::any_of(found->begin(), found->end(), [](const Profile& job) {
             return job.kind != Kind::kMix && by_utilization(job);
           });
  });
}

Result<std::string> option_applies(const char* option, const std::vector<Profile>& profiles,
                                   const IsFor& is_for, const char* reason, const char* hint) {
  std::vector<std::string> others;
  for (const Profile& profile : profiles)
    if (!is_for(profile)) others.push_back(profile.name);
  if (others.empty()) return std::string();
  const std::string said = fmt::format("{} says nothing to {}: {}", option, fmt::join(others, ", "), reason);
  if (others.size() == profiles.size()) return failure(said, hint);
  return said;
}

}  // namespace

Result<std::string> utilization_applies(const std::vector<Profile>& profiles) {
  return option_applies(
      "--utilization", profiles, by_utilization, "answers and loadings are judged by their time",
      "leave it out; the time is budget_s, wanted_s or wanted_restore_s of a profile (`millrace workloads W "
      "--json`)");
}

Result<std::string> prep_applies(const std::vector<Profile>& profiles) {
  return option_applies(
      "--prep", profiles, [](const Profile& profile) { return profile.kind == Kind::kTrainingInput; },
      "only training input is prepared on the CPU", "leave it out");
}

Result<void> count_applies(const std::vector<Profile>& profiles, std::int64_t accelerators) {
  std::vector<std::string> names;
  Result<void> fits;
  for (const Profile& profile : profiles) {
    names.push_back(profile.name);
    const double state = profile.shape.parameters * profile.checkpoint.saved_bytes_per_parameter;
    const double memory = profile.figures.memory_bytes;
    Result<void> here;
    switch (profile.kind) {
      case Kind::kPretrain:
      case Kind::kFinetune:
        if (const auto step = workload::step_of(profile, accelerators); !step)
          here = tl::unexpected(step.error());
        break;
      case Kind::kCheckpoint:
      case Kind::kRestore:
        if (memory > 0 && state > memory * static_cast<double>(accelerators))
          here = failure(
              fmt::format("{}: {} accelerator{} cannot hold its training state of {:.4g} GB", profile.name,
                          accelerators, accelerators == 1 ? "" : "s", state / 1e9),
              fmt::format("it takes {0:.0f} at least: --accelerators {0:.0f}", std::ceil(state / memory)));
        break;
      case Kind::kMix:
        if (const auto jobs = workload::jobs_of(profile, accelerators); !jobs)
          here = failure(jobs.error().what,
                         fmt::format("{}; its own site has {}: --accelerators {}", jobs.error().hint,
                                     workload::site_ranks(profile), workload::site_ranks(profile)));
        break;
      case Kind::kTrainingInput:
      case Kind::kColdStart:
      case Kind::kServe:
        names.pop_back();
        continue;
    }
    if (here) return {};  // the others say what is wrong with them in place of their sums
    if (fits) fits = std::move(here);
  }
  if (names.empty())
    return failure(fmt::format("--accelerators: the sums of {} are the same on any number",
                               profiles.empty() ? "it" : profiles.front().name),
                   "leave it out; `millrace diagnose DOCUMENT --accelerators N` judges it on so many");
  return fits;
}

}  // namespace millrace::cli
