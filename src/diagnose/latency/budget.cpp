// SPDX-License-Identifier: Apache-2.0
// An answer's latency against its budget: the sum of its parts, the verdict, and which part to mend.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/explanation.hpp"
#include "diagnose/latency/answer.hpp"
#include "diagnose/latency/relief.hpp"
#include "diagnose/life.hpp"
#include "workload/serving_time.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNotResolved = std::numeric_limits<double>::quiet_NaN();
constexpr double kRoom = 1.001;  // what takes all of storage waits for ever

std::string where_from(const std::vector<PartTime>& parts) {
  const auto measured =
      std::count_if(parts.begin(), parts.end(), [](const PartTime& p) { return p.measured; });
  const bool limits = std::any_of(parts.begin(), parts.end(), [](const PartTime& p) {
    return !p.measured && p.source.ends_with(kByLimit);
  });
  if (measured == 0)
    return fmt::format("nothing of it was measured, all is by the profile's own figures{}",
                       limits ? " and the fabric's limits" : "");
  return fmt::format("{} of its {} parts measured, the others by the profile's figures", measured,
                     parts.size());
}

void note_recompute(const workload::Profile& profile, const ServingHops& hops,
                    std::vector<std::string>& notes) {
  const workload::RequestCost cost = workload::request_cost(profile);
  if (cost.fetch_bytes <= 0) return;
  const double rate = hops.read.mean / hops.replicas;
  const double fetch_s = cost.fetch_bytes / rate + cost.transfer_s;
  notes.push_back(
      fmt::format("the cached {} tokens: {} to fetch and transfer at {}{}, {} to compute again: {} is faster "
                  "(fetching from {} on)",
                  profile.serving.cached_tokens, time_words(fetch_s), rate_words(rate),
                  hops.read.measured           ? ""
                  : hops.read.given_by.empty() ? " as given"
                                               : ", " + hops.read.given_by,
                  time_words(cost.recompute_s), fetch_s <= cost.recompute_s ? "fetching" : "computing again",
                  rate_words(cost.break_even_bytes_per_s)));
}

// What all replicas of this host take of storage; false: more than it gives, so that the queue for it grows
// for ever.
bool rank_storage(const workload::Profile& profile, const ServingHops& hops, record::Diagnosis& diagnosis) {
  const workload::RequestCost cost = workload::request_cost(profile);
  if (cost.fetch_bytes <= 0) return true;
  const double needed = profile.serving.requests_per_s * cost.fetch_bytes * hops.replicas;
  diagnosis.ranking.push_back(ranked_hop(hops.read, "storage", needed));
  return !hops.read.measured || needed < hops.read.mean;
}

std::optional<std::size_t> part_of(const Answer& answer, workload::PartKind kind) {
  for (std::size_t i = 0; i < answer.parts.size(); ++i)
    if (answer.parts[i].kind == kind) return i;
  return std::nullopt;
}

}  // namespace

record::Diagnosis diagnose_serving(const record::Document& document, const Question& question,
                                   const FabricFetch* fabric) {
  const workload::Profile& profile = question.profile;
  const workload::Serving& serving = profile.serving;
  record::Diagnosis diagnosis = blank_diagnosis(profile, std::max(1, question.accelerators));
  ServingHops hops;
  std::vector<std::string>& notes = diagnosis.notes;
  const double weights = workload::request_cost(profile).weights_bytes;
  const double room = profile.figures.memory_bytes * serving.replica_ranks;
  if (weights > room) {
    diagnosis.sentence = fmt::format("{} does not fit: {} of weights in {}, which hold {}.",
                                     who_words(profile, diagnosis.accelerators), bytes_words(weights),
                                     gpus_words(serving.replica_ranks), bytes_words(room));
    diagnosis.undecided = fmt::format("give it replica_ranks of {:.0f} at least",
                                      std::ceil(weights / profile.figures.memory_bytes));
    return diagnosis;
  }
  hops.replicas = std::max(1, question.accelerators / serving.replica_ranks);
  hops.gpus = serving.replica_ranks;
  if (question.accelerators < serving.replica_ranks) {
    diagnosis.accelerators = serving.replica_ranks;
    notes.push_back(
        fmt::format("one replica takes {} accelerators, and is judged on so many", serving.replica_ranks));
  }
  hops.on_fabric = fabric != nullptr;
  if (fabric != nullptr && fabric->read.mean > 0)
    hops.read = fabric->read;
  else if (serving.cached_tokens > 0)
    hops.read = read_rate(document, profile, serving.read_bytes_per_s, hops.gpus * hops.replicas, notes);
  hops.copy = copy_rate(document, profile.figures.host_copy_bytes_per_s, hops.gpus * hops.replicas);

  const std::vector<PartTime> fresh = part_times(document, profile, hops, notes);
  const Answer answer = add_up(fresh, serving);
  record::LatencyDiagnosis latency;
  latency.budget_s = serving.budget_s;
  latency.p50_s = answer.sum.p50_s.value_or(kNotResolved);
  latency.p99_s = answer.sum.p99_s.value_or(kNotResolved);
  latency.bound_p99_s = answer.sum.bound_p99_s.value_or(kNotResolved);
  for (std::size_t i = 0; i < answer.parts.size(); ++i) {
    const PartTime& part = answer.parts[i];
    const bool queue = part.kind == workload::PartKind::kQueue;
    const auto at = [&](double q, double own) {
      if (queue) return own;
      if (!is_resolved(answer.timed[i], q)) return kNotResolved;
      return part.longest_of > 1 ? answer.timed[i].time.quantile(q).value_or(kNotResolved)
                                 : part.quantile(q).value_or(kNotResolved);
    };
    latency.parts.push_back({part.name, at(0.5, part.p50_s), at(0.99, part.p99_s), part.measured,
                             part.longest_of > 1
                                 ? fmt::format("{}; the longest of {} ranks", part.source, part.longest_of)
                                 : part.source,
                             part.evidence});
  }
  // On a fabric what all jobs take of it was judged before.
  const bool storage_keeps_up = fabric != nullptr || rank_storage(profile, hops, diagnosis);
  const std::string budget = time_words(serving.budget_s), who = who_words(profile, diagnosis.accelerators);
  std::optional<LatencyRelief> relief;
  if (answer.overloaded) {
    diagnosis.verdict = "starved";
    relief = relieve_latency(fresh, serving);
    latency.mend = answer.parts[worst_part(answer)].name;
    diagnosis.sentence = fmt::format(
        "{} is too late, and later all the time: {:g} requests a second need {:.0f} % of a replica's "
        "time.{}",
        who, serving.requests_per_s, answer.load * 100, latency_relief_words(*relief, answer, serving));
  } else if (!storage_keeps_up) {
    diagnosis.verdict = "starved";
    const auto& hop = diagnosis.ranking.front();
    diagnosis.bottlenecks.push_back(
        {{hop.resource}, "storage", hop.needed_bytes_per_s, hops.read.mean, hop.evidence});
    diagnosis.sentence = fmt::format(
        "{} is too late, and later all the time: the cached keys and values of {} replica{} take {} of "
        "storage, which gives {}.",
        who, hops.replicas, hops.replicas == 1 ? "" : "s", rate_words(hop.needed_bytes_per_s),
        rate_words(hops.read.mean));
    latency.mend = "storage";
    if (const auto fetch = part_of(answer, workload::PartKind::kFetch)) {
      relief = relieve_latency(fresh, serving, LeastRelief{*fetch, kRoom * hop.utilization});
      latency.mend = answer.parts[*fetch].name;
      diagnosis.sentence += latency_relief_words(*relief, answer, serving);
    }
  } else if (!answer.sum.p99_s) {
    std::vector<std::string> few;
    for (std::size_t i = 0; i < answer.timed.size(); ++i)
      if (!is_resolved(answer.timed[i], 0.99))
        few.push_back(fmt::format("{} ({} operations, p99 takes {})",
                                  fmt::join(answer.parts[i].evidence, ", "), answer.timed[i].count,
                                  1000 * answer.timed[i].longest_of));
    diagnosis.undecided = fmt::format("measure longer: {}", fmt::join(few, ", "));
    diagnosis.sentence = fmt::format(
        "Whether {} is in time cannot be told: its 99th percentile is not resolved, budget {}.", who, budget);
  } else if (*answer.sum.p99_s <= serving.budget_s && fabric != nullptr && !fabric->undecided.empty()) {
    diagnosis.undecided = fabric->undecided;
    diagnosis.sentence = fmt::format(
        "Whether {} is in time is open: by what is known 99 % of the answers come within {} if the parts are "
        "independent, budget {}; {}.",
        who, time_words(*answer.sum.p99_s), budget, where_from(answer.parts));
  } else if (*answer.sum.p99_s <= serving.budget_s) {
    diagnosis.verdict = "fed";
    diagnosis.sentence = fmt::format(
        "{} is in time: 99 % of the answers within {} if the parts are independent, budget {}; {}.", who,
        time_words(*answer.sum.p99_s), budget, where_from(answer.parts));
    if (!answer.sum.bound_p99_s)
      notes.emplace_back("too few operations for a bound that needs no independence");
    else if (*answer.sum.bound_p99_s > serving.budget_s)
      notes.push_back(
          fmt::format("if the parts are slow together, 99 % may take up to {}, more than the budget",
                      time_words(*answer.sum.bound_p99_s)));
  } else {
    diagnosis.verdict = "starved";
    relief = relieve_latency(fresh, serving);
    latency.mend = answer.parts[worst_part(answer)].name;
    diagnosis.sentence = fmt::format("{} is too late: 99 % of the answers take up to {}, budget {}; {}.{}",
                                     who, time_words(*answer.sum.p99_s), budget, where_from(answer.parts),
                                     latency_relief_words(*relief, answer, serving));
  }
  note_recompute(profile, hops, notes);
  for (const record::LatencyPart& part : latency.parts)
    diagnosis.explanation.push_back({part::kLatency,
                                     fmt::format("{}: {} at the median, {} at p99; {}", part.name,
                                                 time_words(part.p50_s), time_words(part.p99_s), part.source),
                                     "", part.evidence});
  if (answer.sum.p99_s)
    diagnosis.explanation.push_back(
        {part::kLatency,
         fmt::format(
             "their sum: {} at the median and {} at p99 by convolution, if they are independent; whatever "
             "the "
             "dependence, p99 is at most {} (each part's quantile at shares of the 1 % that add up to it)",
             time_words(latency.p50_s), time_words(latency.p99_s), time_words(latency.bound_p99_s)),
         "",
         {}});
  if (answer.sum.p99_s)
    diagnosis.explanation.push_back(
        {part::kVerdict,
         "against the budget",
         Sum::compare(figure::seconds(*answer.sum.p99_s), figure::seconds(serving.budget_s)),
         {}});
  if (relief) {
    diagnosis.relief = relief_record(*relief, answer);
    explain_latency_relief(*relief, answer, serving, diagnosis.explanation);
  }
  diagnosis.latency = std::move(latency);
  return diagnosis;
}

}  // namespace millrace::diagnose
