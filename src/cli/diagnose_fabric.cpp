// SPDX-License-Identifier: Apache-2.0
#include "cli/diagnose_fabric.hpp"

#include <fmt/chrono.h>

#include <ctime>
#include <iterator>

#include "cli/commands.hpp"
#include "diagnose/fabric_diagnose.hpp"
#include "fabric/describe.hpp"

namespace millrace::cli {

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
