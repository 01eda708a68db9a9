// SPDX-License-Identifier: Apache-2.0
// A mix as the jobs that it stands for.
#pragma once

#include <cstdint>
#include <vector>

#include "workload/profile.hpp"

namespace millrace::workload {

struct SiteJob {
  Profile profile;
  std::int64_t ranks = 0;  // accelerators that it has
};

// The jobs of a site of `ranks` accelerators, in the order of the file: each has its share, rounded down to
// whole replicas; what is left over stays idle. Fails where a workload is unknown or a mix itself, and where
// a share does not reach for one replica or does not hold the model.
Result<std::vector<SiteJob>> jobs_of(const Profile& mix, std::int64_t ranks);

// The accelerators that a mix's own site has.
std::int64_t site_ranks(const Profile& mix);

// Ranks come in multiples of this: those of one replica (with its experts' neighbours), or of one served
// copy.
std::int64_t rank_unit(const Profile& profile, std::int64_t ranks);
// The fewest that the workload runs on.
std::int64_t least_ranks(const Profile& profile);

}  // namespace millrace::workload
