// SPDX-License-Identifier: Apache-2.0
// Serving on a fabric: what all replicas fetch over it, and an answer's latency against its budget.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "diagnose/explanation.hpp"
#include "diagnose/fabric_finding.hpp"
#include "diagnose/life.hpp"
#include "workload/serving_time.hpp"

namespace millrace::diagnose {
namespace {

// While every replica fetches for one request at the same time. From limits alone it is no faster than the
// profile's own figure, which promises less.
FabricFetch fetch_over(const FabricFinding& finding) {
  const workload::Profile& profile = *finding.job->served;
  FabricFetch fetch;
  const double bytes = workload::request_cost(profile).fetch_bytes / profile.serving.replica_ranks *
                       static_cast<double>(finding.load->step.ranks);
  const double best_s = finding.pace.own.phases_s.empty() ? 0 : finding.pace.own.phases_s.front();
  if (bytes <= 0 || finding.load->classes.empty()) return fetch;
  if (!finding.unmeasured.empty()) fetch.undecided = fabric_undecided(finding);
  if (!(best_s > 0)) return fetch;  // no rate is known of any hop
  const double rate = bytes / best_s;
  if (finding.unmeasured.empty()) {
    const double slow = finding.worst_fetch_s > 0 ? bytes / finding.worst_fetch_s : rate;
    fetch.read = {rate,
                  std::min(slow, rate),
                  rate,
                  true,
                  {},
                  "storage",
                  "reading from storage",
                  "as the fabric's file says"};
    return fetch;
  }
  const double given = profile.serving.read_bytes_per_s * static_cast<double>(finding.load->step.ranks);
  if (!(given > 0) || rate < given)
    fetch.read = {rate, rate, rate, false, {}, "storage", "reading from storage", kByLimit};
  return fetch;
}

}  // namespace

record::Diagnosis fabric_serving(const FabricFinding& finding) {
  const workload::Profile& profile = *finding.job->served;
  const FabricFetch fetch = fetch_over(finding);
  record::Diagnosis diagnosis =
      diagnose_serving({}, {profile, static_cast<int>(finding.load->step.ranks), {}}, &fetch);
  record::Diagnosis load = fabric_record(finding);
  diagnosis.ranking = std::move(load.ranking);
  if (finding.load->classes.empty()) {
    load.notes.emplace_back("nothing of it crosses the fabric: the budget alone is judged");
  } else {
    diagnosis.explanation.insert(diagnosis.explanation.begin(), load.explanation.begin(),
                                 load.explanation.end());
  }
  if (load.verdict == "starved") {
    diagnosis.verdict = load.verdict;
    diagnosis.undecided.clear();
    diagnosis.bottlenecks = std::move(load.bottlenecks);
    diagnosis.sentence = "Too late, and later all the time: " + load.sentence;
    if (diagnosis.latency) diagnosis.latency->mend = "fetch";
  }
  const std::int64_t replicas = finding.load->step.ranks / profile.serving.replica_ranks;
  load.notes.push_back(
      fmt::format("{} replica{} of {}, {:g} request{} a second to each{}", replicas, replicas == 1 ? "" : "s",
                  gpus_words(profile.serving.replica_ranks), profile.serving.requests_per_s,
                  profile.serving.requests_per_s == 1 ? "" : "s",
                  finding.load->classes.empty() ? "" : "; a fetch is timed as if all fetched at once"));
  diagnosis.notes.insert(diagnosis.notes.end(), load.notes.begin(), load.notes.end());
  if (!diagnosis.undecided.empty()) diagnosis.sentence += fmt::format(" To decide: {}.", diagnosis.undecided);
  return diagnosis;
}

}  // namespace millrace::diagnose
