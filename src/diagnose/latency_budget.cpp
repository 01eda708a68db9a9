// SPDX-License-Identifier: Apache-2.0
// An answer's latency against its budget: the sum of its parts, the verdict, and which part to mend.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "diagnose/explanation.hpp"
#include "diagnose/latency_parts.hpp"
#include "diagnose/latency_queue.hpp"
#include "diagnose/life.hpp"
#include "workload/serving_time.hpp"

namespace millrace::diagnose {
namespace {

constexpr double kNotResolved = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kGridPoints = 4096;
constexpr double kGridReach = 4;  // times the sum of the parts' tails
constexpr double kLowestReach = 1e-6;

struct Answer {
  std::vector<PartTime> parts;
  std::vector<TimedPart> timed;
  TimedSum sum;
  double load = 0;  // of the replica: arrivals · mean service
  bool overloaded = false;
};

double tail_of(const PartTime& part) {
  const double tail = part.counted ? part.counted->max().value_or(0) * part.counted_scale : part.p99_s;
  // A counted maximum may be one outlier: its 99th percentile five times over is as far as the grid has to
  // reach for it.
  const double p99 = part.counted ? 5 * part.counted->quantile(0.99).value_or(0) * part.counted_scale : tail;
  return std::min(tail, p99) * part.mended;
}

Grid grid_for(const std::vector<PartTime>& parts, double load, double service_tail) {
  double reach = kLowestReach;
  for (const PartTime& part : parts) reach += tail_of(part);
  if (load < 1) reach += service_tail * std::log(100 * std::max(load, 0.02)) / (1 - load) / 2;
  return {kGridReach * reach / static_cast<double>(kGridPoints - 1), kGridPoints};
}

Answer add_up(std::vector<PartTime> parts, const workload::Serving& serving) {
  Answer answer;
  double service_s = 0, service_tail = 0;
  for (const PartTime& part : parts)
    if (holds_the_replica(part.kind)) {
      service_s += part.p50_s * part.mended;
      service_tail += tail_of(part);
    }
  const bool queues = std::any_of(parts.begin(), parts.end(), [](const PartTime& part) {
    return part.kind == workload::PartKind::kQueue && part.p50_s <= 0;
  });
  answer.load = queues ? serving.requests_per_s * service_s : 0;
  const Grid grid = grid_for(parts, answer.load, service_tail);
  Distribution service = Distribution::constant(0, grid);
  for (const PartTime& part : parts)
    if (holds_the_replica(part.kind)) service = service.plus(part.on(grid));
  for (PartTime& part : parts) {
    TimedPart timed{part.name, part.on(grid), part.counted ? part.counted->count() : 0, part.longest_of};
    if (part.kind == workload::PartKind::kQueue && part.p50_s <= 0) {
      const auto waiting = waiting_time(service, serving.requests_per_s);
      answer.load = serving.requests_per_s * service.mean_s();
      part.source =
          fmt::format("computed: M/G/1 at a load of {:.0f} %: {:g} a second × {} (Pollaczek and Khinchine)",
                      answer.load * 100, serving.requests_per_s, time_words(service.mean_s()));
      answer.overloaded = !waiting;
      if (waiting) {
        timed.time = *waiting;
        part.p50_s = waiting->quantile(0.5).value_or(kNotResolved);
        part.p99_s = waiting->quantile(0.99).value_or(kNotResolved);
      } else {
        part.p50_s = part.p99_s = kNotResolved;
      }
    }
    answer.timed.push_back(std::move(timed));
  }
  answer.parts = std::move(parts);
  if (!answer.overloaded) answer.sum = sum_of_parts(answer.timed);
  return answer;
}

// The p99 with one part's times made `share` of what they are.
double p99_with(const std::vector<PartTime>& parts, const workload::Serving& serving, std::size_t mended,
                double share) {
  std::vector<PartTime> changed = parts;
  changed[mended].mended = share;
  // The queue is computed anew from the parts that hold the replica; itself it is mended by taking it out.
  if (changed[mended].kind == workload::PartKind::kQueue) {
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(mended));
  }
  return add_up(std::move(changed), serving).sum.p99_s.value_or(std::numeric_limits<double>::infinity());
}

std::string mend_words(const Answer& answer, const std::vector<PartTime>& fresh,
                       const workload::Serving& serving, std::size_t worst) {
  const PartTime& part = answer.parts[worst];
  const double without = p99_with(fresh, serving, worst, 1e-3);
  if (!(without <= serving.budget_s))
    return fmt::format("Mend {} first, which takes {} of it at p99; without it the rest still takes {}.",
                       part.name, time_words(part.quantile(0.99).value_or(part.p99_s)), time_words(without));
  if (part.kind == workload::PartKind::kQueue)
    return "Mend the queue: more replicas, or fewer requests to each.";
  double low = 1e-3, high = 1;  // p99 grows with the share
  for (int i = 0; i < 7; ++i) {
    const double middle = (low + high) / 2;
    (p99_with(fresh, serving, worst, middle) <= serving.budget_s ? low : high) = middle;
  }
  return fmt::format("Mend {}: at {:.0f} % of its time (p99 {}) the budget is kept.", part.name, low * 100,
                     time_words(low * part.quantile(0.99).value_or(part.p99_s)));
}

std::size_t worst_of(const Answer& answer) {
  std::size_t worst = 0;
  double most = -1;
  for (std::size_t i = 0; i < answer.timed.size(); ++i) {
    const double at = answer.timed[i].time.quantile(0.99).value_or(answer.timed[i].time.grid().end_s());
    if (at > most) {
      most = at;
      worst = i;
    }
  }
  return worst;
}

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
    diagnosis.sentence =
        fmt::format("It does not fit: {} of weights in {}, which hold {}.", bytes_words(weights),
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
  const std::string budget = time_words(serving.budget_s);
  if (answer.overloaded) {
    diagnosis.verdict = "starved";
    latency.mend = "queue";
    diagnosis.sentence = fmt::format(
        "Too late, and later all the time: {:g} requests a second need {:.0f} % of a replica's time. Mend "
        "the load: "
        "more replicas, or at most {:.3g} requests a second to each.",
        serving.requests_per_s, answer.load * 100, 0.8 * serving.requests_per_s / answer.load);
  } else if (!storage_keeps_up) {
    diagnosis.verdict = "starved";
    const auto& hop = diagnosis.ranking.front();
    latency.mend = "storage";
    diagnosis.bottlenecks.push_back(
        {{hop.resource}, "storage", hop.needed_bytes_per_s, hops.read.mean, hop.evidence});
    diagnosis.sentence = fmt::format(
        "Too late, and later all the time: the cached keys and values of {} replica{} take {} "
        "of storage, which gives {}.",
        hops.replicas, hops.replicas == 1 ? "" : "s", rate_words(hop.needed_bytes_per_s),
        rate_words(hops.read.mean));
  } else if (!answer.sum.p99_s) {
    std::vector<std::string> few;
    for (std::size_t i = 0; i < answer.timed.size(); ++i)
      if (!is_resolved(answer.timed[i], 0.99))
        few.push_back(fmt::format("{} ({} operations, p99 takes {})",
                                  fmt::join(answer.parts[i].evidence, ", "), answer.timed[i].count,
                                  1000 * answer.timed[i].longest_of));
    diagnosis.undecided = fmt::format("measure longer: {}", fmt::join(few, ", "));
    diagnosis.sentence = fmt::format(
        "It cannot be told whether 99 % of the answers come within {}: the 99th percentile "
        "is not resolved.",
        budget);
  } else if (*answer.sum.p99_s <= serving.budget_s && fabric != nullptr && !fabric->undecided.empty()) {
    diagnosis.undecided = fabric->undecided;
    diagnosis.sentence = fmt::format(
        "Whether the answers come in time is open: by what is known 99 % of them come within {} if the parts "
        "are independent, budget {}; {}.",
        time_words(*answer.sum.p99_s), budget, where_from(answer.parts));
  } else if (*answer.sum.p99_s <= serving.budget_s) {
    diagnosis.verdict = "fed";
    diagnosis.sentence =
        fmt::format("In time: 99 % of the answers within {} if the parts are independent, budget {}; {}.",
                    time_words(*answer.sum.p99_s), budget, where_from(answer.parts));
    if (!answer.sum.bound_p99_s)
      notes.emplace_back("too few operations for a bound that needs no independence");
    else if (*answer.sum.bound_p99_s > serving.budget_s)
      notes.push_back(
          fmt::format("if the parts are slow together, 99 % may take up to {}, more than the budget",
                      time_words(*answer.sum.bound_p99_s)));
  } else {
    diagnosis.verdict = "starved";
    const std::size_t worst = worst_of(answer);
    latency.mend = answer.parts[worst].name;
    diagnosis.sentence = fmt::format("Too late: 99 % of the answers take up to {}, budget {}; {}. {}",
                                     time_words(*answer.sum.p99_s), budget, where_from(answer.parts),
                                     mend_words(answer, fresh, serving, worst));
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
  diagnosis.latency = std::move(latency);
  return diagnosis;
}

}  // namespace millrace::diagnose
