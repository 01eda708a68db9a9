// SPDX-License-Identifier: Apache-2.0
// What `millrace run` was asked to do, as the journal keeps it so that a killed run can go on.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "units/quantity.hpp"
#include "units/result.hpp"
#include "workload/profile.hpp"

namespace millrace::run {

// What the peer of a run is (--peer-is).
inline constexpr const char *kPeerIsStorage = "storage", *kPeerIsClient = "client", *kPeerIsOther = "other";

struct Job {
  // Folders on the storage to measure, absolute; the data are spread over all of them evenly.
  std::vector<std::filesystem::path> paths;
  // The user's own files, read-only; empty: data sets are made below the paths.
  std::vector<std::filesystem::path> datasets;
  std::vector<std::string> workloads;  // names or files, as given; empty: all built-in training workloads
  int accelerators = 1;
  Duration budget{60'000'000'000};  // of measuring
  int repeats = 3;
  std::optional<std::string> prep;           // instead of the profiles'
  std::optional<double> utilization_wanted;  // instead of the profiles'
  double compressible = 0;                   // share of the made data's bytes that repeat
  std::uint64_t size_cap = 0;                // of all temporary data; 0: half of what is free
  std::string peer;  // ADDRESS:PORT of the one to which the link is measured; empty: there is none
  std::string peer_is = kPeerIsOther;  // the one that serves the files, one that asks, or another
};

// The journal's settings and back. Errors name the key.
std::map<std::string, std::string> to_settings(const Job& job);
Result<Job> from_settings(const std::map<std::string, std::string>& settings);

// Of everything that shapes the measurements: the settings, and the workloads' figures (a profile file may
// have changed).
std::string fingerprint(const Job& job, const std::vector<workload::Profile>& profiles);

// The profiles that the job names, with its prep in place.
Result<std::vector<workload::Profile>> profiles_of(const Job& job);

}  // namespace millrace::run
