// SPDX-License-Identifier: Apache-2.0
#include "cli/diagnose_fabric.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <iterator>

#include "cli/commands.hpp"
#include "diagnose/fabric/diagnose.hpp"
#include "fabric/describe.hpp"

namespace millrace::cli {

Result<workload::Profile> mix_of(const std::vector<std::string>& workloads,
                                 const std::vector<double>& shares) {
  if (workloads.size() != shares.size())
    return failure(
        fmt::format("--share: {} share{} for {} workload{}", shares.size(), shares.size() == 1 ? "" : "s",
                    workloads.size(), workloads.size() == 1 ? "" : "s"),
        "give one for each --for, in the same order");
  workload::Profile mix;
  mix.name = "--share";
  mix.kind = workload::Kind::kMix;
  double sum = 0;
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    mix.mix.parts.push_back({workloads[i], shares[i] / 100});
    sum += shares[i];
  }
  if (sum > 100 + 1e-9) return failure(fmt::format("--share: {:g} % in all are more than there is", sum));
  return mix;
}

Result<FabricDiagnoses> diagnose_fabric(const std::string& file,
                                        const std::vector<workload::Profile>& profiles, int accelerators,
                                        std::optional<double> utilization_wanted) {
  const auto read = fabric::read_fabric(file);
  if (!read) return tl::unexpected(read.error());
  FabricDiagnoses all;
  all.description = fabric::describe(*read);
  all.document.tool = {"millrace", version(), commit()};
  all.document.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  for (const workload::Profile& profile : profiles) {
    const auto jobs = diagnose::jobs_on(*read, profile, accelerators, utilization_wanted);
    if (!jobs) return tl::unexpected(jobs.error());
    auto diagnoses = diagnose::diagnose(*read, *jobs);
    std::move(diagnoses.begin(), diagnoses.end(), std::back_inserter(all.document.diagnoses));
  }
  return all;
}

}  // namespace millrace::cli
