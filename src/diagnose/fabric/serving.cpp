// SPDX-License-Identifier: Apache-2.0
// Serving on a fabric: what all replicas fetch over it, and an answer's latency against its budget.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "diagnose/explanation.hpp"
#include "diagnose/fabric/finding.hpp"
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
  double best_s = finding.pace.own.phases_s.empty() ? 0 : finding.pace.own.phases_s.front();
  if (finding.pace.held_by) best_s = std::max(best_s, finding.pace.step_s);  // the others leave no more
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

// Where the answers are late if all replicas fetch at once, and in time if each fetches alone: what they will
// be lies between, and the verdict with it. What they take alone, of the fabric's best figures; nothing where
// they are late even so.
std::optional<double> p99_if_alone(const FabricFinding& finding, FabricFetch fetch) {
  const workload::Profile& profile = *finding.job->served;
  workload::Step one = finding.load->step;
  one.ranks = profile.serving.replica_ranks;
  const JobLoad load = load_of(*finding.resources, one, {finding.job->first_host, one.ranks});
  const Pace pace = pace_of(load, best_rates(*finding.resources, load));
  if (pace.phases_s.empty() || !(pace.phases_s.front() > 0)) return std::nullopt;
  const auto ranks = static_cast<double>(finding.load->step.ranks);
  double rate = workload::request_cost(profile).fetch_bytes / pace.phases_s.front() * ranks /
                profile.serving.replica_ranks;
  if (const double given = profile.serving.read_bytes_per_s * ranks; !fetch.read.measured && given > 0)
    rate = std::min(rate, given);
  fetch.read.mean = fetch.read.low = fetch.read.high = rate;
  fetch.undecided.clear();
  const record::Diagnosis alone =
      diagnose_serving({}, {profile, static_cast<int>(finding.load->step.ranks), {}}, &fetch);
  if (alone.verdict != "fed") return std::nullopt;
  return alone.latency->p99_s;
}

}  // namespace

record::Diagnosis fabric_serving(const FabricFinding& finding) {
  const workload::Profile& profile = *finding.job->served;
  const std::int64_t replicas = finding.load->step.ranks / profile.serving.replica_ranks;
  const FabricFetch fetch = fetch_over(finding);
  record::Diagnosis diagnosis =
      diagnose_serving({}, {profile, static_cast<int>(finding.load->step.ranks), {}}, &fetch);
  record::Diagnosis load = fabric_record(finding);
  if (diagnosis.verdict == "starved" && load.verdict != "starved" && fetch.read.mean > 0)
    if (const auto alone_s = p99_if_alone(finding, fetch)) {
      diagnosis.verdict = "inconclusive";
      diagnosis.latency->mend.clear();
      diagnosis.relief.clear();
      std::erase_if(diagnosis.explanation,
                    [](const record::ExplanationStep& step) { return step.part == part::kRelief; });
      diagnosis.sentence = fmt::format(
          "Whether {} is in time is open: 99 % of the answers come within {} if each replica fetches alone, "
          "and within {} if all {} fetch at once, budget {}.",
          who_words(profile, finding.load->step.ranks), time_words(*alone_s),
          time_words(diagnosis.latency->p99_s), replicas, time_words(profile.serving.budget_s));
      diagnosis.undecided =
          "measure how long a fetch takes under this load, and give it as the p50_s and p99_s of that part "
          "(`millrace workloads W --json`)";
    }
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
    diagnosis.relief = std::move(load.relief);
    std::erase_if(diagnosis.explanation, [&](const record::ExplanationStep& step) {
      return step.part == part::kRelief &&
             std::find(load.explanation.begin(), load.explanation.end(), step) == load.explanation.end();
    });
    diagnosis.sentence = "Too late, and later all the time: " + load.sentence;
    for (const workload::BudgetPart& part : profile.serving.parts)
      if (diagnosis.latency && part.kind == workload::PartKind::kFetch) diagnosis.latency->mend = part.name;
  }
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
